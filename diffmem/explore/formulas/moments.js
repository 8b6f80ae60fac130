// Mean, covariance and spectrum of points in the plane, or on a line (d = 1, where the second coordinate is 0).
// Points are a flat array [x_0, y_0, x_1, y_1, ...].

/** Mean of the points, with weights that add up to 1 (equal by default). */
export function meanOf(points, weights = null) {
  const n = points.length / 2;
  let [x, y] = [0, 0];
  for (let i = 0; i < n; i++) {
    const w = weights ? weights[i] : 1 / n;
    x += w * points[2 * i];
    y += w * points[2 * i + 1];
  }
  return [x, y];
}

/** Covariance [xx, xy, yy] about the mean, with weights that add up to 1. */
export function covarianceOf(points, mean, weights = null) {
  const n = points.length / 2;
  let [xx, xy, yy] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const w = weights ? weights[i] : 1 / n;
    const [a, b] = [points[2 * i] - mean[0], points[2 * i + 1] - mean[1]];
    xx += w * a * a;
    xy += w * a * b;
    yy += w * b * b;
  }
  return [xx, xy, yy];
}

/** Principal axes {variance, x, y} of a covariance, the largest first; variances within `rounding` of 0 are 0. */
export function axesOf([xx, xy, yy], d, rounding = d * Number.EPSILON) {
  if (d === 1) return [{ variance: xx, x: 1, y: 0 }];
  const half = (xx - yy) / 2;
  const radius = Math.hypot(half, xy);
  const large = (xx + yy) / 2 + radius;
  const small = large > 0 ? (xx * yy - xy * xy) / large : 0;
  const angle = Math.atan2(xy, half) / 2;
  const [x, y] = [Math.cos(angle), Math.sin(angle)];
  return [
    { variance: large, x, y },
    { variance: small > rounding * large ? small : 0, x: -y, y: x },
  ];
}

/** Eigenvalues of the covariance of the points, descending: theory.spectrum. */
export function spectrumOf(points, d) {
  const rounding = Math.max(points.length / 2, d) * Number.EPSILON;
  return axesOf(covarianceOf(points, meanOf(points)), d, rounding).map((axis) => axis.variance);
}

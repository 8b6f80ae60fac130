// Mixtures of Gaussians (diffmem.scores.Gaussian and GaussianMixture), and how they are fitted to points.
//
//   p(x) = sum_i w_i N(x; alpha mu_i, alpha^2 S_i + sigma^2 I),   P_i = (alpha^2 S_i + sigma^2 I)^-1,
//   q_i = P_i (x - alpha mu_i),   m_i = mu_i + alpha S_i q_i,   D = sum_i W_i m_i,   score = -sum_i W_i q_i.

import { axesOf, covarianceOf, meanOf } from "./moments.js";

/** A mixture of components {weight, mean: [x, y], covariance: [xx, xy, yy]} in d dimensions. */
function gaussianMixture(components, d) {
  const parts = components.map((part) => ({ ...part, axes: axesOf(part.covariance, d) }));
  const logJoint = new Float64Array(parts.length);

  function weigh(x, y, { alpha, sigma }) {
    let top = -Infinity;
    parts.forEach((part, i) => {
      const [a, b] = [x - alpha * part.mean[0], y - alpha * part.mean[1]];
      let twice = d * Math.log(2 * Math.PI);
      for (const axis of part.axes) {
        const variance = alpha * alpha * axis.variance + sigma * sigma;
        twice += (a * axis.x + b * axis.y) ** 2 / variance + Math.log(variance);
      }
      logJoint[i] = Math.log(part.weight) - twice / 2;
      top = Math.max(top, logJoint[i]);
    });
    let Z = 0;
    for (const value of logJoint) Z += Math.exp(value - top);
    return top + Math.log(Z);
  }

  function evaluate(x, y, level) {
    const { alpha, sigma } = level;
    const logProb = weigh(x, y, level);
    const [mean, noise] = [[0, 0], [0, 0]];
    let [square, leader] = [0, 0];
    parts.forEach((part, i) => {
      const weight = Math.exp(logJoint[i] - logProb);
      const [a, b] = [x - alpha * part.mean[0], y - alpha * part.mean[1]];
      mean[0] += weight * part.mean[0];
      mean[1] += weight * part.mean[1];
      for (const axis of part.axes) {
        const q = (weight * (a * axis.x + b * axis.y)) / (alpha * alpha * axis.variance + sigma * sigma);
        mean[0] += alpha * axis.variance * q * axis.x;
        mean[1] += alpha * axis.variance * q * axis.y;
        noise[0] += sigma * q * axis.x;
        noise[1] += sigma * q * axis.y;
      }
      square += weight * weight;
      if (logJoint[i] > logJoint[leader]) leader = i;
    });
    const leaderWeight = Math.exp(logJoint[leader] - logProb);
    return { mean, noise, leader, leaderWeight, participation: 1 / square, logProb };
  }

  /** Posterior weights of the components. */
  function componentWeights(x, y, level) {
    const logProb = weigh(x, y, level);
    return logJoint.map((value) => Math.exp(value - logProb));
  }

  function draw(uniform, normals) {
    let [left, i] = [uniform(), 0];
    while (i < parts.length - 1 && left > parts[i].weight) left -= parts[i++].weight;
    const [point, z] = [[...parts[i].mean], normals()];
    parts[i].axes.forEach((axis, k) => {
      point[0] += Math.sqrt(axis.variance) * z[k] * axis.x;
      point[1] += Math.sqrt(axis.variance) * z[k] * axis.y;
    });
    return point;
  }

  return { evaluate, logProb: weigh, componentWeights, draw, components, cost: 2 * parts.length };
}

/** The Gaussian with the mean and the (1/n) covariance of the points. */
export function fittedGaussian(points, d) {
  const mean = meanOf(points);
  return gaussianMixture([{ weight: 1, mean, covariance: covarianceOf(points, mean) }], d);
}

const ROUNDS = 500; // of expectation and maximisation, at most
const ACCURACY = 1e-10; // change of the mean log-likelihood, in nats, at which the iteration has ended
const FLOOR = 1e-3; // added to each variance, in units of the mean variance of the data: no component becomes a point

/** A mixture of k full-covariance components by expectation maximisation (EM), from evenly chosen points. */
export function fittedMixture(points, k, d) {
  const n = points.length / 2;
  const spread = covarianceOf(points, meanOf(points));
  const variance = (spread[0] + spread[2]) / d || 1;
  const floor = FLOOR * variance;
  let components = farApart(points, Math.min(k, n)).map((i, _, all) => ({
    weight: 1 / all.length,
    mean: [points[2 * i], points[2 * i + 1]],
    covariance: [variance / all.length, 0, d === 2 ? variance / all.length : 0],
  }));
  let last = -Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const [next, likelihood] = maximised(points, components, d, floor);
    components = next;
    if (likelihood - last < ACCURACY && round > 0) break;
    last = likelihood;
  }
  return gaussianMixture(components, d);
}

/** One round of EM: the components with the most likelihood for the present shares, and the mean log-likelihood. */
function maximised(points, components, d, floor) {
  const n = points.length / 2;
  const mixture = gaussianMixture(components, d);
  const clean = { alpha: 1, sigma: 0 };
  const shares = components.map(() => new Float64Array(n));
  let likelihood = 0;
  for (let j = 0; j < n; j++) {
    const weights = mixture.componentWeights(points[2 * j], points[2 * j + 1], clean);
    weights.forEach((weight, i) => (shares[i][j] = weight));
    likelihood += mixture.logProb(points[2 * j], points[2 * j + 1], clean) / n;
  }
  const next = shares.flatMap((share) => {
    const total = share.reduce((sum, value) => sum + value, 0);
    if (total < 1e-9) return []; // a component that explains nothing is taken out
    const normalised = share.map((value) => value / total);
    const mean = meanOf(points, normalised);
    const [xx, xy, yy] = covarianceOf(points, mean, normalised);
    return [{ weight: total / n, mean, covariance: [xx + floor, xy, d === 2 ? yy + floor : 0] }];
  });
  const sum = next.reduce((all, part) => all + part.weight, 0);
  return [next.map((part) => ({ ...part, weight: part.weight / sum })), likelihood];
}

/** k indices: the point nearest to the mean, then always the point farthest from those chosen. */
function farApart(points, k) {
  const n = points.length / 2;
  const mean = meanOf(points);
  const away = (i, x, y) => (points[2 * i] - x) ** 2 + (points[2 * i + 1] - y) ** 2;
  const indices = [...Array(n).keys()];
  const chosen = [indices.reduce((a, b) => (away(b, ...mean) > away(a, ...mean) ? b : a))];
  const distance = Float64Array.from(indices, (i) => away(i, points[2 * chosen[0]], points[2 * chosen[0] + 1]));
  while (chosen.length < k) {
    const next = indices.reduce((a, b) => (distance[b] > distance[a] ? b : a));
    if (distance[next] === 0) break; // only copies of chosen points are left
    chosen.push(next);
    for (const i of indices) distance[i] = Math.min(distance[i], away(i, points[2 * next], points[2 * next + 1]));
  }
  return chosen;
}

// Two ways to blur a score: of the data (a kernel density estimate), and of the log-density.

/**
 * The score of data convolved with N(0, width^2 I) (diffmem.scores.Widened): the held score at (alpha, s),
 * s^2 = sigma^2 + alpha^2 width^2, and D' = (sigma^2 D + alpha width^2 x) / s^2.
 */
export function widened(held, width, d) {
  const wider = ({ alpha, sigma }) => ({ alpha, sigma: Math.hypot(sigma, alpha * width) });
  function evaluate(x, y, level) {
    const wide = wider(level);
    const found = held.evaluate(x, y, wide);
    const share = wide.sigma === 0 ? 1 : level.sigma / wide.sigma;
    const blur = wide.sigma === 0 ? 0 : width / wide.sigma;
    const mix = (mean, here) => share * share * mean + level.alpha * blur * blur * here;
    return {
      ...found,
      mean: [mix(found.mean[0], x), mix(found.mean[1], y)],
      noise: found.noise.map((noise) => share * noise),
    };
  }
  function draw(uniform, normals) {
    const [point, z] = [held.draw(uniform, normals), normals()];
    return [point[0] + width * z[0], d === 2 ? point[1] + width * z[1] : 0];
  }
  return { evaluate, logProb: (x, y, level) => held.logProb(x, y, wider(level)), draw, cost: held.cost };
}

/**
 * s'(x) = mean_m s(x + alpha e_m) and D'(x) = mean_m D(x + alpha e_m) (diffmem.scores.Smoothed with scale alpha):
 * the gradient of the mean of log p(x + alpha e_m), which `logProb` returns without its normalisation.
 */
export function smoothed(held, offsets) {
  const count = offsets.length / 2;
  function evaluate(x, y, level) {
    const total = { mean: [0, 0], noise: [0, 0], logProb: 0 };
    for (let m = 0; m < count; m++) {
      const found = held.evaluate(x + level.alpha * offsets[2 * m], y + level.alpha * offsets[2 * m + 1], level);
      for (const axis of [0, 1]) {
        total.mean[axis] += found.mean[axis] / count;
        total.noise[axis] += found.noise[axis] / count;
      }
      total.logProb += found.logProb / count;
    }
    return total;
  }
  function logProb(x, y, level) {
    let total = 0;
    for (let m = 0; m < count; m++) {
      total += held.logProb(x + level.alpha * offsets[2 * m], y + level.alpha * offsets[2 * m + 1], level);
    }
    return total / count;
  }
  return { evaluate, logProb, draw: held.draw, cost: held.cost * count };
}

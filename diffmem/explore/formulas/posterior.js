// The exact score of the training points (diffmem.scores.Empirical): the best score that n points allow, which copies.
//
//   E_i = |x - alpha y_i|^2 / (2 sigma^2),   p_i = exp(-E_i) / sum_j exp(-E_j),   D(x) = sum_i p_i y_i,
//   log p(x) = log (1/n) sum_i exp(-E_i) - d log(sigma sqrt(2 pi)),   score = (alpha D - x) / sigma^2.
//
// A score offers evaluate(x, y, level) = {mean: D, noise: -sigma score, leader, leaderWeight, participation, logProb},
// logProb(x, y, level), and draw(uniform, normals), a draw of the data.

/** value / sigma; at sigma = 0 it is 0 where the value is 0 and infinite elsewhere. */
const overSigma = (value, sigma) => (value === 0 ? 0 : value / sigma);

export function empirical(points, d) {
  const n = points.length / 2;
  const weights = new Float64Array(n);

  /** Fills `weights` with exp(-(E_i - E_min)) and returns their sum, the leader and its squared distance. */
  function weigh(x, y, { alpha, sigma }) {
    let [least, leader] = [Infinity, 0];
    for (let i = 0; i < n; i++) {
      const [a, b] = [x - alpha * points[2 * i], y - alpha * points[2 * i + 1]];
      weights[i] = a * a + b * b;
      if (weights[i] < least) [least, leader] = [weights[i], i];
    }
    const scale = 2 * sigma * sigma;
    let Z = 0;
    for (let i = 0; i < n; i++) {
      // the nearest points first, so that sigma = 0 needs no case of its own: gap / 0 is infinite
      const gap = weights[i] - least;
      weights[i] = gap === 0 ? 1 : Math.exp(-gap / scale);
      Z += weights[i];
    }
    return { Z, leader, least };
  }

  function logDensity({ Z, least }, sigma) {
    if (sigma === 0) return least === 0 ? Infinity : -Infinity;
    return Math.log(Z / n) - least / (2 * sigma * sigma) - d * Math.log(sigma * Math.sqrt(2 * Math.PI));
  }

  function evaluate(x, y, level) {
    const { alpha, sigma } = level;
    const found = weigh(x, y, level);
    let [mx, my, dx, dy, square] = [0, 0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const p = weights[i] / found.Z;
      if (p === 0) continue;
      mx += p * points[2 * i];
      my += p * points[2 * i + 1];
      dx += p * (x - alpha * points[2 * i]);
      dy += p * (y - alpha * points[2 * i + 1]);
      square += p * p;
    }
    return {
      mean: [mx, my],
      noise: [overSigma(dx, sigma), overSigma(dy, sigma)],
      leader: found.leader,
      leaderWeight: 1 / found.Z,
      participation: 1 / square,
      logProb: logDensity(found, sigma),
    };
  }

  /** Posterior weights of the training points, a fresh array. */
  function posteriorWeights(x, y, level) {
    const { Z } = weigh(x, y, level);
    return weights.map((weight) => weight / Z);
  }

  const logProb = (x, y, level) => logDensity(weigh(x, y, level), level.sigma);

  function draw(uniform) {
    const i = Math.min(Math.floor(uniform() * n), n - 1);
    return [points[2 * i], points[2 * i + 1]];
  }

  return { evaluate, logProb, posteriorWeights, draw, cost: n };
}

// Reverse paths from noise to data, and what became of them.

import { empirical } from "./posterior.js";
import { normalPairs, uniforms } from "./random.js";
import { SAMPLERS } from "./samplers.js";

/** The start of path i: an exact draw alpha x_0 + sigma z of the noisy law, x_0 from the law of the score. */
function startOf(score, level, d, uniform, normals) {
  const [point, z] = [score.draw(uniform, normals), normals()];
  return [level.alpha * point[0] + level.sigma * z[0], d === 2 ? level.alpha * point[1] + level.sigma * z[1] : 0];
}

/** All states of one path: `record(k, x, here)` is called with the state and the evaluation at each node. */
export function walk(score, sampler, nodes, start, d, normals, record) {
  const { step, random } = SAMPLERS[sampler];
  let x = start;
  nodes.forEach((now, k) => {
    const here = score.evaluate(x[0], x[1], now.level);
    record(k, x, here);
    if (k === nodes.length - 1) return;
    const z = random ? normals() : null;
    if (random && d === 1) z[1] = 0;
    x = step(score, x, here, now, nodes[k + 1], z);
  });
}

/**
 * Follows `count` paths; yields the number that is done after each, and returns their states, ends (D at the last
 * node) and the mean over paths of the largest posterior weight of a training point at each node.
 */
export function* tracedPaths({ points, d, score, sampler, nodes, count, seed }) {
  const exact = empirical(points, d);
  // the evaluation of the exact score already holds the largest weight
  const weigh = score.posteriorWeights ? (x, level, here) => here : (x, level) => exact.evaluate(x[0], x[1], level);
  const states = new Float64Array(2 * count * nodes.length);
  const ends = new Float64Array(2 * count);
  const largest = new Float64Array(nodes.length);
  for (let i = 0; i < count; i++) {
    const uniform = uniforms(seed, i);
    const normals = normalPairs(uniform);
    const start = startOf(score, nodes[0].level, d, uniform, normals);
    walk(score, sampler, nodes, start, d, normals, (k, x, here) => {
      states.set(x, 2 * (k * count + i));
      largest[k] += weigh(x, nodes[k].level, here).leaderWeight / count;
      if (k === nodes.length - 1) ends.set(here.mean, 2 * i);
    });
    yield i + 1;
  }
  return { nodes, count, states, ends, largest, ...copiesAmong(ends, points) };
}

/** The result of a generator that is run to its end at once. */
export function finished(generator) {
  for (;;) {
    const { done, value } = generator.next();
    if (done) return value;
  }
}

const THRESHOLD = 1 / 3;
const LAST_PLACES = 4; // by which rounding may carry a distance across the threshold

/**
 * Which samples are copies (metrics.memorization): the nearest training point is at less than a third of the distance
 * of the nearest one that differs from it. `defined` is false where all training points are equal.
 */
export function copiesAmong(samples, points) {
  const count = samples.length / 2;
  const nearest = new Int32Array(count);
  const copied = new Uint8Array(count);
  let defined = false;
  for (let i = 0; i < count; i++) {
    let [d1, d2, best] = [Infinity, Infinity, 0];
    for (let j = 0; j < points.length / 2; j++) {
      const distance = Math.hypot(samples[2 * i] - points[2 * j], samples[2 * i + 1] - points[2 * j + 1]);
      const same = points[2 * j] === points[2 * best] && points[2 * j + 1] === points[2 * best + 1];
      if (distance < d1) {
        if (!same) d2 = d1;
        [d1, best] = [distance, j];
      } else if (!same && distance < d2) d2 = distance;
    }
    defined ||= d2 < Infinity;
    nearest[i] = best;
    copied[i] = d1 < THRESHOLD * d2 * (1 - LAST_PLACES * Number.EPSILON) && d2 < Infinity ? 1 : 0;
  }
  const originals = new Set(nearest.filter((_, i) => copied[i]));
  return { nearest, copied, copies: copied.reduce((sum, one) => sum + one, 0), distinctCopies: originals.size, defined };
}

// Speciation and collapse: predictions from the covariance of the data (diffmem.theory), and the measured collapse.

import { spectrumOf } from "./moments.js";
import { antitheticOffsets } from "./random.js";

/** sigma/alpha at which signal and noise of the leading component are equal, sqrt(L_1): theory.speciation_ratio. */
const speciationRatio = (spectrum) => Math.sqrt(spectrum[0]);

/**
 * sigma/alpha at which (1/2) sum_k log(1 + L_k alpha^2/sigma^2) = log n: theory.collapse_ratio.
 * For d <= 2 a quadratic equation in s = alpha^2/sigma^2: L_1 L_2 s^2 + (L_1 + L_2) s = n^2 - 1.
 */
function collapseRatio(n, spectrum) {
  if (n === 1) return Infinity;
  const excess = n * n - 1;
  const sum = spectrum.reduce((total, value) => total + value, 0);
  const product = spectrum.length === 2 ? spectrum[0] * spectrum[1] : 0;
  // the root without cancellation; n coinciding points are never told apart
  const s = (2 * excess) / (sum + Math.sqrt(sum * sum + 4 * product * excess));
  return sum > 0 ? 1 / Math.sqrt(s) : 0;
}

/** The distinct points, in their order. */
function distinctPoints(points) {
  const seen = new Set();
  const kept = [];
  for (let i = 0; i < points.length; i += 2) {
    const key = `${points[i]},${points[i + 1]}`;
    if (!seen.has(key)) kept.push(points[i], points[i + 1]);
    seen.add(key);
  }
  return Float64Array.from(kept);
}

const PAIRS = 6e4; // of a noisy point and a training point, for each noise level
const MOST_NOISES = 64;

/** Evenly spread standard normal noises, so many that a level costs at most about PAIRS exponentials. */
function noisesFor(points, d) {
  const n = points.length / 2;
  const count = Math.min(Math.max(Math.floor(PAIRS / (n * n)), 2), MOST_NOISES);
  return antitheticOffsets(count + (count % 2), 1, d);
}

/**
 * Mean posterior weight of the training point that a noisy one came from, at ratio = sigma/alpha, among distinct points:
 * the mean of p_i at y_i + ratio z over all noises z and all points i (of many points every second, third, ...).
 */
export function ownWeight(points, ratio, noises) {
  const [n, count] = [points.length / 2, noises.length / 2];
  const stride = Math.max(1, Math.round((n * n * count) / PAIRS));
  let [total, queries] = [0, 0];
  for (let i = 0; i < n; i += stride) {
    for (let m = 0; m < count; m++) {
      let others = 0;
      for (let j = 0; j < n; j++) {
        const [a, b] = [(points[2 * i] - points[2 * j]) / ratio, (points[2 * i + 1] - points[2 * j + 1]) / ratio];
        others += Math.exp(-(a * a + b * b) / 2 - a * noises[2 * m] - b * noises[2 * m + 1]);
      }
      total += 1 / others; // the term j = i is 1
      queries++;
    }
  }
  return total / queries;
}

/** sigma/alpha at which the mean own weight is 1/2, by bisection; null for fewer than three distinct points. */
function measuredCollapseRatio(points, start, noises) {
  if (points.length < 6) return null;
  let [low, high] = [start, start];
  for (let i = 0; i < 60 && ownWeight(points, low, noises) < 0.5; i++) low /= 2;
  for (let i = 0; i < 60 && ownWeight(points, high, noises) > 0.5; i++) high *= 2;
  for (let i = 0; i < 30; i++) {
    const middle = Math.sqrt(low * high);
    if (ownWeight(points, middle, noises) > 0.5) low = middle;
    else high = middle;
  }
  return Math.sqrt(low * high);
}

/** All that the page says about critical noise levels, as ratios sigma/alpha and as times of the process. */
export function criticalTimes(points, d, process) {
  const spectrum = spectrumOf(points, d);
  const distinct = distinctPoints(points);
  const n = distinct.length / 2;
  const noises = noisesFor(distinct, d);
  const ratios = { speciation: speciationRatio(spectrum), predicted: collapseRatio(n, spectrum) };
  ratios.measured = measuredCollapseRatio(distinct, ratios.predicted || 1, noises);
  const timeOf = (ratio) => (ratio === null || !(ratio > 0) ? null : process.timeAt(ratio));
  const times = Object.fromEntries(Object.entries(ratios).map(([name, ratio]) => [name, timeOf(ratio)]));
  return { spectrum, n, ratios, times, distinct, noises };
}

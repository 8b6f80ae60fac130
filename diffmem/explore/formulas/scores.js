// The scores that the page offers, by name.

import { fittedGaussian, fittedMixture } from "./gaussians.js";
import { empirical } from "./posterior.js";
import { antitheticOffsets } from "./random.js";
import { smoothed, widened } from "./smoothing.js";

const OFFSETS = 32; // evaluations of the exact score that a smoothed one is the mean of

export const SCORES = {
  empirical: { title: "Exact score of the training points", uses: [] },
  smoothed: { title: "Smoothed score", uses: ["width"] },
  widened: { title: "Kernel density estimate", uses: ["width"] },
  mixture: { title: "Gaussian mixture, fitted", uses: ["components"] },
  gaussian: { title: "Gaussian, fitted", uses: [] },
};

/** The score of a name for points in d dimensions; `width` in data units, `components` a whole number. */
export function makeScore(name, points, d, { width = 0.2, components = 2 } = {}) {
  const exact = empirical(points, d);
  if (name === "smoothed") return smoothed(exact, antitheticOffsets(OFFSETS, width, d));
  if (name === "widened") return widened(exact, width, d);
  if (name === "mixture") return fittedMixture(points, components, d);
  return name === "gaussian" ? fittedGaussian(points, d) : exact;
}

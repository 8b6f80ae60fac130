// The selected path or probe: its state and the posterior weights there.

import { empirical } from "../formulas/posterior.js";
import { fromFrame, frameOf, pathPlace } from "../pictures/camera.js";
import { state } from "./state.js";

/** The selected state in frame coordinates and in the units of x, D there, and the weights of the training points. */
export function selectedState(model, level) {
  const { kind, index, place } = state.selection;
  const here = kind === "path" ? pathPlace(model, index, state.k) : place;
  const x = fromFrame(frameOf(level), ...here);
  if (model.d === 1) x[1] = 0;
  const weights = empirical(model.points, model.d).posteriorWeights(...x, level);
  return { here, x, weights, mean: model.score.evaluate(...x, level).mean };
}

/** How the selection is called in text. */
export function selectionName() {
  return state.selection.kind === "path" ? `of path ${state.selection.index + 1}` : "at the probe";
}

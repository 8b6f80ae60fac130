// Changes to the training points: each makes a new array, and everything is computed again.

import { covarianceOf, meanOf } from "../formulas/moments.js";
import { PRESETS, presetPoints } from "../formulas/presets.js";
import { fitCamera } from "../pictures/camera.js";
import { recompute } from "./computation.js";
import { emit, settings, state } from "./state.js";

export const MOST_POINTS = 500;
const FARTHEST = 1e9; // squares of distances over small noise stay far inside double precision

/** Replaces the points; `look` moves the camera to them. */
function replacePoints(points, look = false) {
  state.points = Float64Array.from(points, (value) => Math.max(-FARTHEST, Math.min(FARTHEST, value)));
  state.point = Math.max(0, Math.min(state.point, points.length / 2 - 1));
  settings.n = points.length / 2;
  if (look) fitCamera();
  emit("points");
  recompute();
}

/** The chosen preset, or the user's own points again. */
export function loadPreset() {
  const own = ownPoints();
  if (settings.preset === "own" && own) {
    state.d = own.d;
    replacePoints(own.points.flat(), true);
  } else replacePoints(presetPoints(settings.preset, settings.n, state.d, settings.seed), true);
}

/** The points that the page was made for: {points, d, name}, or null. */
export const ownPoints = () => JSON.parse(document.getElementById("data").textContent);

export const isPreset = (name) => name in PRESETS;

export function movePoint(i, x, y) {
  const points = Float64Array.from(state.points);
  points.set([x, state.d === 2 ? y : 0], 2 * i);
  replacePoints(points);
}

/** Adds a point and selects it; nothing where there are too many. */
export function addPoint(x, y) {
  if (state.points.length / 2 >= MOST_POINTS) return;
  state.point = state.points.length / 2;
  replacePoints([...state.points, x, state.d === 2 ? y : 0]);
}

/** Deletes a point; the last one stays. */
export function deletePoint(i) {
  if (state.points.length <= 2) return;
  replacePoints(state.points.filter((_, k) => k >> 1 !== i));
}

export const keepOne = () => replacePoints(state.points.slice(2 * state.point, 2 * state.point + 2), true);

/** Centres the points and divides them by their root mean variance, for which the processes are made. */
export function rescalePoints() {
  const { points, d } = state;
  const mean = meanOf(points);
  const [xx, , yy] = covarianceOf(points, mean);
  const spread = Math.sqrt((xx + yy) / d) || 1;
  replacePoints(points.map((value, k) => (value - mean[k % 2]) / spread), true);
}

/** From the plane to the line, which keeps the first coordinates, or back. */
export function changeDimension(d) {
  state.d = d;
  if (isPreset(settings.preset)) loadPreset();
  else replacePoints(state.points.map((value, k) => (d === 1 && k % 2 ? 0 : value)), true);
}

// The frame in which states are drawn, and its place on the canvas.
//
// "follow": X = (x - alpha c)/h, h = alpha R + 2.6 sigma, so that noise of any scale fills the picture.
// "data":   X = (x/alpha - c)/R, in which the training points stand still.

import { settings, state } from "../interface/state.js";

const SPREAD = 2.6; // standard deviations of the noise that fit into the frame
const MARGIN = 1.25;

/** Looks at all points. */
export function fitCamera() {
  const { points } = state;
  const [low, high] = [[Infinity, Infinity], [-Infinity, -Infinity]];
  points.forEach((value, i) => {
    low[i % 2] = Math.min(low[i % 2], value);
    high[i % 2] = Math.max(high[i % 2], value);
  });
  const reach = (MARGIN * Math.max(high[0] - low[0], high[1] - low[1])) / 2;
  state.camera = { centre: [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2], reach: reach || 1 };
}

/** The affine map of a level, x = origin + scale X. */
export function frameOf({ alpha, sigma }, frame = settings.frame, camera = state.camera) {
  const visible = Math.max(alpha, 1e-12); // at alpha = 0 the points themselves have no place in the data frame
  if (frame === "data") {
    return { origin: camera.centre.map((c) => visible * c), scale: visible * camera.reach };
  }
  return { origin: camera.centre.map((c) => alpha * c), scale: alpha * camera.reach + SPREAD * sigma };
}

export const toFrame = ({ origin, scale }, x, y) => [(x - origin[0]) / scale, (y - origin[1]) / scale];
export const fromFrame = ({ origin, scale }, X, Y) => [origin[0] + scale * X, origin[1] + scale * Y];

/** The canvas in CSS pixels: sharp on screens of high density, with places of frame coordinates. */
export function surfaceOf(canvas) {
  const [width, height, density] = [canvas.clientWidth, canvas.clientHeight, state.density ?? window.devicePixelRatio];
  const [w, h] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.globalAlpha = 1;
  const unit = Math.min(width, height) / 2;
  return {
    context, width, height, unit,
    place: (X, Y) => [width / 2 + X * unit, height / 2 - Y * unit],
    unplace: (px, py) => [(px - width / 2) / unit, (height / 2 - py) / unit],
  };
}

let framed = {};

/** All states of the paths in frame coordinates, as [X, Y] pairs in the order of `run.states`. */
export function framedStates(model) {
  const { camera } = state;
  if (framed.model === model && framed.camera === camera && framed.frame === settings.frame) return framed.values;
  const { states, count, nodes } = model.run;
  const values = new Float32Array(states.length);
  nodes.forEach(({ level }, k) => {
    const frame = frameOf(level);
    for (let i = k * count; i < (k + 1) * count; i++) {
      values.set(toFrame(frame, states[2 * i], states[2 * i + 1]).map(bounded), 2 * i);
    }
  });
  framed = { model, camera, frame: settings.frame, values };
  return values;
}

/** Far outside the picture, but a number: a diverging path must not spoil a line. */
const bounded = (value) => (Number.isFinite(value) ? Math.max(-1e4, Math.min(1e4, value)) : 1e4);

/** Frame coordinates of path i at place k. */
export function pathPlace(model, i, k) {
  const values = framedStates(model);
  const { count } = model.run;
  const step = Math.min(Math.floor(k), model.nodes.length - 2);
  const at = (node, axis) => values[2 * (node * count + i) + axis];
  return [0, 1].map((axis) => at(step, axis) + (k - step) * (at(step + 1, axis) - at(step, axis)));
}

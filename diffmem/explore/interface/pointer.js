// The mouse, pen or finger on the picture: selects paths and probes, or edits points.

import { fromFrame, frameOf, pathPlace, surfaceOf } from "../pictures/camera.js";
import { addPoint, deletePoint, movePoint } from "./editing.js";
import { lineAcross, linePoints, lineUnplace, lineUp } from "../pictures/line.js";
import { trainingPlaces } from "../pictures/plane.js";
import { moveTo, stop } from "./player.js";
import { element, emit, lastNode, levelAt, state } from "./state.js";

const NEAR = 14; // pixels within which a press takes hold of something
const STROKE = 34; // pixels between points that are drawn in one stroke

let held = null; // {point: i} while a point is moved, {drawn: [px, py]} while points are drawn

export function listenToPointer() {
  const picture = element("picture");
  picture.addEventListener("pointerdown", (event) => {
    picture.setPointerCapture?.(event.pointerId);
    const at = [event.offsetX, event.offsetY];
    if (state.mode === "edit") press(surfaceOf(picture), at);
    else select(surfaceOf(picture), at);
  });
  picture.addEventListener("pointermove", (event) => drag(surfaceOf(picture), [event.offsetX, event.offsetY]));
  for (const end of ["pointerup", "pointercancel"]) picture.addEventListener(end, () => (held = null));
  picture.addEventListener("dblclick", (event) => {
    const i = pointNear(surfaceOf(picture), [event.offsetX, event.offsetY]);
    if (state.mode === "edit" && i !== null) deletePoint(i);
  });
}

/** The training point under the pointer, or null. */
function pointNear(surface, at) {
  const level = levelAt(state.model, state.k);
  const places = state.d === 1 ? linePoints(surface) : trainingPlaces(surface, level, frameOf(level));
  return nearestOf(places, at);
}

/** The index of the place nearest to the pointer, null if none is near. */
function nearestOf(places, [px, py]) {
  let [best, least] = [null, NEAR];
  places.forEach(([x, y], i) => {
    const distance = Math.hypot(x - px, y - py);
    if (distance < least) [best, least] = [i, distance];
  });
  return best;
}

/** Coordinates of the data at a place of the picture, at the end of time. */
function dataAt(surface, at) {
  const level = levelAt(state.model, lastNode());
  const place = state.d === 1 ? [lineUnplace(surface, at[1]), 0] : surface.unplace(...at);
  return fromFrame(frameOf(level), ...place).map((value) => value / level.alpha);
}

function press(surface, at) {
  const i = pointNear(surface, at);
  if (i === null) {
    addPoint(...dataAt(surface, at));
    held = { drawn: at };
  } else {
    state.point = i;
    held = { point: i };
    emit("points");
    emit("frame");
  }
}

function drag(surface, at) {
  if (held === null || state.mode !== "edit") return;
  if ("point" in held) movePoint(held.point, ...dataAt(surface, at));
  else if (Math.hypot(at[0] - held.drawn[0], at[1] - held.drawn[1]) >= STROKE) {
    addPoint(...dataAt(surface, at));
    held.drawn = at;
  }
}

/** Selects the sample under the pointer; else puts the probe there, on a line at the time of the pointer. */
function select(surface, at) {
  const { model, k, d } = state;
  const place = (i) => {
    const X = pathPlace(model, i, k);
    return d === 1 ? [lineAcross(surface, k), lineUp(surface, X[0])] : surface.place(...X);
  };
  const index = nearestOf(Array.from({ length: model.run.count }, (_, i) => place(i)), at);
  if (index !== null) state.selection = { kind: "path", index };
  else state.selection = { kind: "probe", place: d === 1 ? [lineUnplace(surface, at[1]), 0] : surface.unplace(...at) };
  if (index !== null || d === 2) return emit("frame");
  stop();
  const [start, end] = [lineAcross(surface, 0), lineAcross(surface, lastNode())];
  moveTo(((at[0] - start) / (end - start)) * lastNode());
}

// The keyboard on the picture: everything that the pointer can do there.

import { addPoint, deletePoint, movePoint } from "./editing.js";
import { setMode, stepBy, toggle } from "./player.js";
import { selectionName } from "./selection.js";
import { element, emit, shown, state } from "./state.js";

const [STRIDE, SMALL] = [0.05, 0.005]; // of half the height of the picture
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export function listenToKeyboard() {
  element("picture").addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    const act = arrow ? () => move(arrow, event.shiftKey ? SMALL : STRIDE) : KEYS[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
    element("spoken").textContent = described();
  });
}

const KEYS = {
  " ": toggle,
  ",": () => stepBy(-1),
  ".": () => stepBy(1),
  n: () => next(1),
  p: () => next(-1),
  e: () => setMode(state.mode === "edit" ? "inspect" : "edit"),
  a: add,
  delete: remove,
  backspace: remove,
};

/** What is selected now, for those who hear the page. */
function described() {
  const { mode, point, points, selection, model } = state;
  if (mode === "edit") {
    const [x, y] = points.slice(2 * point, 2 * point + 2);
    return `Point ${point + 1} of ${points.length / 2} at ${shown(x)}${state.d === 2 ? `, ${shown(y)}` : ""}.`;
  }
  const end = selection.kind === "path" && model ? `, which ends nearest to point ${model.run.nearest[selection.index] + 1}` : "";
  return `Posterior ${selectionName()}${end}; time ${element("now-t").textContent}.`;
}

/** Moves the selected point while editing, else the probe, which begins in the middle. On a line both move upwards. */
function move([right, up], stride) {
  const [dx, dy] = state.d === 1 ? [up || right, 0] : [right, up];
  if (state.mode === "edit") {
    const [x, y] = state.points.slice(2 * state.point, 2 * state.point + 2);
    return movePoint(state.point, x + dx * stride * state.camera.reach, y + dy * stride * state.camera.reach);
  }
  const [X, Y] = state.selection.kind === "probe" ? state.selection.place : [0, 0];
  state.selection = { kind: "probe", place: [X + dx * stride, Y + dy * stride] };
  emit("frame");
}

function next(direction) {
  const turn = (i, count) => (i + direction + count) % count;
  if (state.mode === "edit") {
    state.point = turn(state.point, state.points.length / 2);
    emit("points");
  } else {
    const { selection, model } = state;
    const index = selection.kind === "path" ? turn(selection.index, model.run.count) : 0;
    state.selection = { kind: "path", index };
  }
  emit("frame");
}

/** A new point beside the selected one. */
function add() {
  if (state.mode !== "edit") setMode("edit");
  const [x, y] = state.points.slice(2 * state.point, 2 * state.point + 2);
  addPoint(x + 4 * STRIDE * state.camera.reach, y);
}

function remove() {
  if (state.mode === "edit") deletePoint(state.point);
}

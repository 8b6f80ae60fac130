// What the page knows, and who is told when it changes.

/** The user's settings. */
export const settings = {
  preset: "clusters", n: 16, seed: 1,
  process: "ou", low: 1e-5, high: 4,
  score: "empirical", width: 0.2, components: 2,
  sampler: "heun", grid: "karras", steps: 64, count: 150,
  frame: "follow",
  show: { heat: true, arrows: false, paths: true, cells: true, colours: true },
};

/** `points` is replaced, never changed in place; `k` is the place on the grid of times, between nodes too. */
export const state = {
  points: new Float64Array(0),
  d: 2,
  camera: { centre: [0, 0], reach: 1 },
  model: null, // what was computed from the points and settings: see computation.js
  density: null, // pixels of the canvas for each pixel of the page, where a saved picture needs more than the screen
  k: 0,
  playing: false,
  mode: "inspect",
  selection: { kind: "path", index: 0 }, // or {kind: "probe", place: [X, Y] in the frame}
  point: 0, // the selected training point
};

const listeners = new Map();

/** Calls `listener` after each event of this name: "points", "model", "mode", "frame" (draw soon), "draw" (draw at once). */
export function on(event, listener) {
  listeners.set(event, [...(listeners.get(event) ?? []), listener]);
}

export function emit(event) {
  for (const listener of listeners.get(event) ?? []) listener();
}

/** The number of the last node. */
export const lastNode = () => (state.model ? state.model.nodes.length - 1 : 0);

/** The level at a place k of the grid; between nodes the time is linear in k. */
export function levelAt(model, k) {
  const time = timeAtPlace(model, k);
  return { time, ...model.process.level(time) };
}

function timeAtPlace({ nodes }, k) {
  const i = Math.min(Math.floor(k), nodes.length - 2);
  return nodes[i].time + (k - i) * (nodes[i + 1].time - nodes[i].time);
}

/** The place of a time on the grid; null outside it. */
export function placeOfTime({ nodes }, time) {
  if (time === null || !(time <= nodes[0].time) || !(time >= nodes.at(-1).time)) return null;
  const i = Math.max(nodes.findIndex((node) => node.time <= time), 1);
  return i - 1 + (nodes[i - 1].time - time) / (nodes[i - 1].time - nodes[i].time);
}

export const element = (id) => document.getElementById(id);

/** A number for reading: three digits, a dash for what does not exist. */
export function shown(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const text = Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3 ? value.toExponential(2) : value.toPrecision(3);
  return text.replace("-", "−").replace("e+", "e");
}

// The beginning: connects settings, computation and pictures.

import { criticalTimes, ownWeight } from "../formulas/critical_times.js";
import { copiesAmong, finished, tracedPaths, walk } from "../formulas/paths.js";
import { presetPoints } from "../formulas/presets.js";
import { makeProcess, PROCESSES } from "../formulas/processes.js";
import { antitheticOffsets } from "../formulas/random.js";
import { gridTimes, nodesAt } from "../formulas/samplers.js";
import { makeScore } from "../formulas/scores.js";
import { voronoiCells } from "../formulas/voronoi.js";
import { surfaceOf } from "../pictures/camera.js";
import { drawLine } from "../pictures/line.js";
import { drawCaption } from "../pictures/marks.js";
import { drawPlane } from "../pictures/plane.js";
import { onSchemeChange, theme } from "../pictures/theme.js";
import { drawTimeline } from "../pictures/timeline.js";
import { recompute } from "./computation.js";
import { listenToControls, showProgram, showSettings } from "./controls.js";
import { loadPreset, ownPoints } from "./editing.js";
import { listenToKeyboard } from "./keyboard.js";
import { showMode } from "./player.js";
import { listenToPointer } from "./pointer.js";
import { showMoment, showResults } from "./results.js";
import { element, emit, lastNode, levelAt, on, placeOfTime, settings, state } from "./state.js";

let waiting = false;

/** Draws once before the next frame of the screen, however many changes there were. */
function redraw() {
  if (waiting || state.model === null) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
}

function draw() {
  const { model, k } = state;
  const surface = surfaceOf(element("picture"));
  const level = levelAt(model, k);
  surface.context.fillStyle = theme().surface;
  surface.context.fillRect(0, 0, surface.width, surface.height);
  if (model.d === 1) drawLine(surface, model, level);
  else drawPlane(surface, model, level);
  drawCaption(surface, level, PROCESSES[settings.process].title);
  drawTimeline();
  showMoment();
}

let opened = false;

/** The first picture is of the collapse, where there is most to see. */
function openAtCollapse() {
  if (opened || state.mode === "edit") return;
  opened = true;
  state.k = placeOfTime(state.model, state.model.critical.times.predicted) ?? lastNode();
}

on("points", showSettings);
on("model", () => {
  element("time").max = lastNode();
  openAtCollapse();
  showResults();
  showProgram();
});
on("frame", redraw);
on("draw", draw);
on("mode", showMode);

const own = ownPoints();
if (own) {
  settings.preset = "own";
  state.d = own.d;
}
listenToControls();
listenToPointer();
listenToKeyboard();
showMode();
loadPreset();
new ResizeObserver(redraw).observe(element("picture"));
onSchemeChange(redraw);

/** For the console and for tests: what the page knows, and its formulas. */
const formulas = {
  antitheticOffsets, copiesAmong, criticalTimes, finished, gridTimes, makeProcess, makeScore, nodesAt, ownWeight,
  presetPoints, tracedPaths, voronoiCells, walk,
};
globalThis.explorer = { state, settings, recompute, emit, formulas };

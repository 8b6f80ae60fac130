// The picture of data on a line: place against time, from noise on the left to data on the right.

import { SAMPLERS } from "../formulas/samplers.js";
import { framedStates, fromFrame, frameOf, pathPlace, toFrame } from "./camera.js";
import { canvasOf, rasterSize, shades, visibleLevel } from "./density.js";
import { drawArrow, drawCross, drawDot, drawTrainingPoints } from "./marks.js";
import { pathColour } from "./plane.js";
import { selectedState } from "../interface/selection.js";
import { lastNode, levelAt, placeOfTime, settings, state } from "../interface/state.js";
import { theme } from "./theme.js";

const EDGE = 28; // pixels to the left and right of the grid of times
const [ACROSS, UP] = [52, 30]; // pixels between arrows

/** Pixels of a place k of the grid, and of a frame coordinate. */
export const lineAcross = ({ width }, k) => EDGE + (k / lastNode()) * (width - 2 * EDGE);
export const lineUp = ({ height }, X) => height / 2 - X * (height / 2);
export const lineUnplace = ({ height }, py) => 1 - (2 * py) / height;

export function drawLine(surface, model, level) {
  const { show } = settings;
  if (show.heat) drawHistory(surface, model);
  if (show.cells) drawBoundaries(surface, model);
  if (show.arrows) drawArrowColumns(surface, model);
  drawLinePaths(surface, model);
  drawMoments(surface, model);
  const places = linePoints(surface);
  if (state.mode === "inspect") drawLineSelection(surface, model, level);
  drawTrainingPoints(surface.context, places);
}

/** Places of the training points, at the end of time. */
export function linePoints(surface) {
  const frame = frameOf(levelAt(state.model, lastNode()));
  const end = lineAcross(surface, lastNode());
  return Array.from({ length: state.points.length / 2 }, (_, i) =>
    [end, lineUp(surface, toFrame(frame, state.points[2 * i], 0)[0])]);
}

let history = {};

/** The density at all times, each relative to its largest value; kept until something changes. */
function drawHistory(surface, model) {
  const { context, width, height } = surface;
  const key = [model, state.camera, settings.frame, width, height, theme()];
  if (!history.key?.every((value, i) => value === key[i])) {
    history = { key, canvas: canvasOf(historyOf(model, ...rasterSize(width - 2 * EDGE, height, model.score.cost, 200))) };
  }
  context.imageSmoothingQuality = "high";
  context.drawImage(history.canvas, EDGE, 0, width - 2 * EDGE, height);
}

function historyOf(model, columns, rows) {
  const levels = Array.from({ length: columns }, (_, i) => levelAt(model, ((i + 0.5) / columns) * lastNode()));
  const frames = levels.map((level) => frameOf(level));
  const values = new Float64Array(columns * rows).map((_, i) => {
    const [column, row] = [i % columns, Math.floor(i / columns)];
    const [x] = fromFrame(frames[column], 1 - (2 * row + 1) / rows, 0);
    return model.score.logProb(x, 0, visibleLevel(levels[column], (2 * frames[column].scale) / rows));
  });
  const tops = new Float64Array(columns).fill(-Infinity);
  values.forEach((value, i) => (tops[i % columns] = Math.max(tops[i % columns], value)));
  return shades(columns, rows, values, (column) => tops[column]);
}

/** Midpoints of neighbouring training points: where two of them weigh the same. */
function drawBoundaries(surface, model) {
  const { context } = surface;
  const places = model.critical.distinct.filter((_, i) => i % 2 === 0).sort();
  context.strokeStyle = theme().muted;
  context.globalAlpha = 0.45;
  context.lineWidth = 1;
  for (let i = 0; i + 1 < places.length; i++) {
    const middle = (places[i] + places[i + 1]) / 2;
    context.beginPath();
    model.nodes.forEach(({ level }, k) => {
      context.lineTo(lineAcross(surface, k), lineUp(surface, toFrame(frameOf(level), level.alpha * middle, 0)[0]));
    });
    context.stroke();
  }
  context.globalAlpha = 1;
}

function drawArrowColumns(surface, model) {
  const { context, width, height } = surface;
  context.strokeStyle = theme().ink;
  context.globalAlpha = 0.55;
  context.lineWidth = 1.2;
  for (let px = EDGE + ACROSS / 2; px < width - EDGE; px += ACROSS) {
    const level = levelAt(model, ((px - EDGE) / (width - 2 * EDGE)) * lastNode());
    const frame = frameOf(level);
    for (let py = UP / 2; py < height; py += UP) {
      const noise = model.score.evaluate(...fromFrame(frame, lineUnplace(surface, py), 0), level).noise[0];
      drawArrow(context, [px, py], 0, 0.85 * UP * Math.max(-1, Math.min(1, noise / 2)));
    }
  }
  context.globalAlpha = 1;
}

function drawLinePaths(surface, model) {
  const { context } = surface;
  for (let i = 0; i < model.run.count; i++) {
    const colour = pathColour(model, i);
    if (settings.show.paths) {
      context.lineWidth = 1.1;
      context.globalAlpha = SAMPLERS[settings.sampler].random ? 0.13 : 0.3;
      strokeHistory(surface, model, i, colour);
      context.globalAlpha = 1;
    }
    drawDot(context, pathDot(surface, model, i), 2.6, colour);
  }
}

const pathDot = (surface, model, i) => [lineAcross(surface, state.k), lineUp(surface, pathPlace(model, i, state.k)[0])];

function strokeHistory(surface, model, i, colour) {
  const { context } = surface;
  const [values, { count }] = [framedStates(model), model.run];
  context.strokeStyle = colour;
  context.beginPath();
  for (let node = 0; node <= state.k; node++) {
    context.lineTo(lineAcross(surface, node), lineUp(surface, values[2 * (node * count + i)]));
  }
  context.lineTo(...pathDot(surface, model, i));
  context.stroke();
}

/** Lines at the present moment and, dashed, at the critical times. */
function drawMoments(surface, model) {
  const { speciation, predicted } = model.critical.times;
  upright(surface, placeOfTime(model, speciation), theme().second, [5, 5]);
  upright(surface, placeOfTime(model, predicted), theme().ink, [5, 5]);
  upright(surface, state.k, theme().accent, []);
}

function upright(surface, k, colour, dash) {
  if (k === null) return;
  const [{ context, height }, px] = [surface, lineAcross(surface, k)];
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.setLineDash(dash);
  context.beginPath();
  context.moveTo(px, 0);
  context.lineTo(px, height);
  context.stroke();
  context.setLineDash([]);
}

function drawLineSelection(surface, model, level) {
  const { context } = surface;
  const { here, mean } = selectedState(model, level);
  const { kind, index } = state.selection;
  const colour = kind === "path" ? pathColour(model, index) : theme().accent;
  if (kind === "path") {
    context.lineWidth = 2.5;
    strokeHistory(surface, model, index, colour);
  }
  const px = lineAcross(surface, state.k);
  drawCross(context, [px, lineUp(surface, toFrame(frameOf(level), level.alpha * mean[0], 0)[0])]);
  drawDot(context, [px, lineUp(surface, here[0])], 7, colour, theme().surface);
}

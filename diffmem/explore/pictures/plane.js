// The picture of data in the plane at one moment: density, cells, arrows, paths so far, samples, training points.

import { SAMPLERS } from "../formulas/samplers.js";
import { voronoiCells } from "../formulas/voronoi.js";
import { framedStates, fromFrame, frameOf, pathPlace, toFrame } from "./camera.js";
import { drawDensity } from "./density.js";
import { drawArrow, drawCross, drawDot, drawTrainingPoints } from "./marks.js";
import { selectedState } from "../interface/selection.js";
import { settings, state } from "../interface/state.js";
import { colourOf, theme } from "./theme.js";

const SPACING = 40; // pixels between arrows
const RECENT = 5; // steps
const FAR = 1e4; // cells end this many reaches of the data away

export function drawPlane(surface, model, level) {
  const frame = frameOf(level);
  const { show } = settings;
  if (show.heat) drawDensity(surface, model, level, frame);
  if (show.cells) drawCells(surface, model, level, frame);
  if (show.arrows) drawArrows(surface, model, level, frame);
  if (show.paths) drawTrails(surface, model);
  drawSamples(surface, model);
  if (state.mode === "inspect") drawSelection(surface, model, level, frame);
  drawTrainingPoints(surface.context, trainingPlaces(surface, level, frame));
}

/** Places of alpha y_i on the canvas; the points may already be others than those of the model. */
export function trainingPlaces(surface, level, frame, points = state.points) {
  return Array.from({ length: points.length / 2 }, (_, i) =>
    surface.place(...toFrame(frame, level.alpha * points[2 * i], level.alpha * points[2 * i + 1])));
}

/** The colour of a path: that of the training point that its end is nearest to. */
export const pathColour = (model, i) => (settings.show.colours ? colourOf(model.run.nearest[i]) : theme().accent);

let cells = {};

function drawCells({ context, place }, model, level, frame) {
  const { distinct } = model.critical;
  if (cells.distinct !== distinct) {
    const { centre, reach } = state.camera;
    cells = { distinct, polygons: voronoiCells(distinct, centre, FAR * reach) };
  }
  context.strokeStyle = theme().muted;
  context.globalAlpha = 0.45;
  context.lineWidth = 1;
  context.beginPath();
  for (const polygon of cells.polygons) {
    polygon.forEach(([x, y], i) => {
      const corner = place(...toFrame(frame, level.alpha * x, level.alpha * y));
      if (i === 0) context.moveTo(...corner);
      else context.lineTo(...corner);
    });
    context.closePath();
  }
  context.stroke();
  context.globalAlpha = 1;
}

/** The score times sigma, which has unit size at every level, on a square grid. */
function drawArrows({ context, width, height, unplace }, model, level, frame) {
  context.strokeStyle = theme().ink;
  context.globalAlpha = 0.55;
  context.lineWidth = 1.2;
  for (let px = SPACING / 2; px < width; px += SPACING) {
    for (let py = SPACING / 2; py < height; py += SPACING) {
      const { noise } = model.score.evaluate(...fromFrame(frame, ...unplace(px, py)), level);
      const size = Math.hypot(...noise);
      const length = (0.85 * SPACING * Math.min(size / 2, 1)) / size;
      drawArrow(context, [px, py], -noise[0] * length, noise[1] * length);
    }
  }
  context.globalAlpha = 1;
}

/** The way of each path up to now, each state in the frame of its own moment. */
function drawTrails(surface, model) {
  const { context } = surface;
  const first = firstShown(state.k);
  context.lineWidth = 1.1;
  context.globalAlpha = 0.3;
  for (let i = 0; i < model.run.count; i++) strokeTrail(surface, model, i, pathColour(model, i), first);
  context.globalAlpha = 1;
}

/** The first node of the trails at place k: of paths with fresh noise only the last steps, as all would hide all else. */
const firstShown = (k) => (SAMPLERS[settings.sampler].random ? Math.max(0, Math.floor(k) - RECENT) : 0);

function strokeTrail({ context, place }, model, i, colour, first = 0) {
  const [values, { count }] = [framedStates(model), model.run];
  context.strokeStyle = colour;
  context.beginPath();
  for (let node = first; node <= state.k; node++) {
    context.lineTo(...place(values[2 * (node * count + i)], values[2 * (node * count + i) + 1]));
  }
  context.lineTo(...place(...pathPlace(model, i, state.k)));
  context.stroke();
}

function drawSamples({ context, place }, model) {
  for (let i = 0; i < model.run.count; i++) {
    drawDot(context, place(...pathPlace(model, i, state.k)), 2.6, pathColour(model, i));
  }
}

/** The selected state, joined to the training points by lines as strong as their posterior weights. */
function drawSelection(surface, model, level, frame) {
  const { context, place } = surface;
  const { here, weights, mean } = selectedState(model, level);
  const colour = state.selection.kind === "path" ? pathColour(model, state.selection.index) : theme().accent;
  if (state.selection.kind === "path") {
    context.lineWidth = 2.5;
    strokeTrail(surface, model, state.selection.index, colour);
  }
  const start = place(...here);
  const places = trainingPlaces(surface, level, frame, model.points);
  context.strokeStyle = theme().ink;
  context.lineWidth = 1.5;
  weights.forEach((weight, i) => {
    if (weight < 0.01) return;
    context.globalAlpha = 0.15 + 0.75 * weight;
    context.beginPath();
    context.moveTo(...start);
    context.lineTo(...places[i]);
    context.stroke();
  });
  context.globalAlpha = 1;
  drawCross(context, place(...toFrame(frame, level.alpha * mean[0], level.alpha * mean[1])));
  drawDot(context, start, 7, colour, theme().surface);
}

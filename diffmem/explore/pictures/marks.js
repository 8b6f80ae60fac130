// What both pictures draw: samples, training points, arrows, captions.

import { settings, shown, state } from "../interface/state.js";
import { colourOf, theme } from "./theme.js";

const NUMBERED = 40; // with more training points their numbers would cover the picture

export function drawDot(context, [px, py], radius, fill, ring = null) {
  context.beginPath();
  context.arc(px, py, radius, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.fill();
  if (!ring) return;
  context.strokeStyle = ring;
  context.lineWidth = 2;
  context.stroke();
}

/** Training points as rings, with their numbers where they are few and a number does not cover another one. */
export function drawTrainingPoints(context, places) {
  const { ink, surface, accent, font } = theme();
  const chosen = state.mode === "edit" ? state.point : null;
  places.forEach((place, i) => {
    if (i === chosen) drawDot(context, place, 10, surface, accent);
    drawDot(context, place, 5, settings.show.colours ? colourOf(i) : surface, ink);
  });
  context.font = `600 11px ${font}`;
  context.textAlign = "left";
  context.lineWidth = 3;
  context.strokeStyle = surface;
  context.fillStyle = ink;
  const written = [];
  const order = [...places.keys()].sort((a, b) => (b === chosen) - (a === chosen));
  for (const i of places.length > NUMBERED ? order.filter((one) => one === chosen) : order) {
    const [px, py] = [places[i][0] + 8, places[i][1] - 7];
    if (written.some(([x, y]) => Math.abs(x - px) < 16 && Math.abs(y - py) < 12)) continue;
    written.push([px, py]);
    context.strokeText(i + 1, px, py);
    context.fillText(i + 1, px, py);
  }
}

/** A cross: where the denoiser sends the selected state. */
export function drawCross(context, [px, py]) {
  const { ink, surface } = theme();
  for (const [colour, width] of [[surface, 5], [ink, 2]]) {
    context.beginPath();
    context.moveTo(px - 6, py - 6);
    context.lineTo(px + 6, py + 6);
    context.moveTo(px - 6, py + 6);
    context.lineTo(px + 6, py - 6);
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke();
  }
}

/** An arrow from a place by (dx, dy) in pixels. */
export function drawArrow(context, [px, py], dx, dy) {
  const length = Math.hypot(dx, dy);
  if (!(length > 1)) return;
  const [ux, uy] = [dx / length, dy / length];
  const head = Math.min(5, length / 2);
  const [x, y] = [px + dx / 2, py + dy / 2];
  context.beginPath();
  context.moveTo(px - dx / 2, py - dy / 2);
  context.lineTo(x, y);
  context.lineTo(x - head * (ux + 0.6 * uy), y - head * (uy - 0.6 * ux));
  context.moveTo(x, y);
  context.lineTo(x - head * (ux - 0.6 * uy), y - head * (uy + 0.6 * ux));
  context.stroke();
}

/** The moment, in the lower left corner, so that saved pictures tell it. */
export function drawCaption({ context, height }, level, title) {
  const { ink, surface, font } = theme();
  const text = `t = ${shown(level.time)}    σ/α = ${shown(level.sigma / level.alpha)}    ${title}`;
  context.font = `12px ${font}`;
  context.textAlign = "left";
  context.lineWidth = 4;
  context.strokeStyle = surface;
  context.strokeText(text, 12, height - 12);
  context.fillStyle = ink;
  context.fillText(text, 12, height - 12);
}

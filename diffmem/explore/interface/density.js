// The density as shades of the accent colour: the root of p(x), relative to its largest value.

import { fromFrame } from "./camera.js";
import { rgbOf, theme } from "./theme.js";

const BUDGET = 6e5; // exponentials for one picture
const STRONGEST = 150; // opacity of the largest density, of 255
const PEAKS = 50; // training points at which the largest density is looked for, where it is too narrow for the raster

/** Shades of a raster: `logProb(column, row)` for each cell, relative to `top` or, by column, to its own largest value. */
export function shades(columns, rows, logProb, top = null) {
  const image = new ImageData(columns, rows);
  const [red, green, blue] = rgbOf(theme().accent);
  const values = new Float64Array(rows);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) values[row] = logProb(column, row);
    const most = top ? top() : values.reduce((a, b) => Math.max(a, b), -Infinity);
    for (let row = 0; row < rows; row++) {
      const shade = Math.min(Math.exp((values[row] - most) / 2), 1);
      image.data.set([red, green, blue, Number.isFinite(shade) ? STRONGEST * shade : 0], 4 * (row * columns + column));
    }
  }
  return image;
}

/** The raster as a small canvas, which is drawn enlarged and so interpolated. */
export function canvasOf(image) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: image.width, height: image.height });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** Number of columns and rows of a raster of this shape that costs at most the budget. */
export function rasterSize(width, height, cost, finest) {
  const rows = Math.sqrt((BUDGET / cost) * (height / width));
  const kept = Math.max(16, Math.min(Math.round(rows), finest));
  return [Math.max(16, Math.round((kept * width) / height)), kept];
}

/** Draws the density of the plane at a level. */
export function drawDensity(surface, model, level, frame) {
  const { context, width, height, unplace } = surface;
  const [columns, rows] = rasterSize(width, height, model.score.cost, 140);
  const grid = new Float64Array(columns * rows);
  let top = -Infinity;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const place = unplace(((column + 0.5) * width) / columns, ((row + 0.5) * height) / rows);
      const value = model.score.logProb(...fromFrame(frame, ...place), level);
      grid[row * columns + column] = value;
      top = Math.max(top, value);
    }
  }
  const { points } = model;
  for (let i = 0; i < Math.min(points.length / 2, PEAKS); i++) {
    top = Math.max(top, model.score.logProb(level.alpha * points[2 * i], level.alpha * points[2 * i + 1], level));
  }
  const image = shades(columns, rows, (column, row) => grid[row * columns + column], () => top);
  context.imageSmoothingQuality = "high";
  context.drawImage(canvasOf(image), 0, 0, width, height);
}

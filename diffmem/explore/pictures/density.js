// The density as shades of the accent colour: the root of p(x), relative to its largest value.

import { fromFrame } from "./camera.js";
import { rgbOf, theme } from "./theme.js";

const BUDGET = 6e5; // exponentials for one picture
const STRONGEST = 150; // opacity of the largest density, of 255
const NARROWEST = 0.7; // standard deviation, in cells, below which a peak would fall between the cells

/** Shades of a raster of log-densities, each column relative to `top(column)`. */
export function shades(columns, rows, values, top) {
  const image = new ImageData(columns, rows);
  const [red, green, blue] = rgbOf(theme().accent);
  values.forEach((value, i) => {
    const shade = Math.min(Math.exp((value - top(i % columns)) / 2), 1);
    image.data.set([red, green, blue, Number.isFinite(shade) ? STRONGEST * shade : 0], 4 * i);
  });
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

/** The level at which a raster with cells of this size in x is filled: peaks are at least as wide as a cell. */
export const visibleLevel = (level, cell) => ({ ...level, sigma: Math.max(level.sigma, NARROWEST * cell) });

/** Draws the density of the plane at a level. */
export function drawDensity(surface, model, level, frame) {
  const { context, width, height, unit, unplace } = surface;
  const [columns, rows] = rasterSize(width, height, model.score.cost, 140);
  const visible = visibleLevel(level, (frame.scale * height) / (rows * unit));
  const values = new Float64Array(columns * rows).map((_, i) => {
    const [column, row] = [i % columns, Math.floor(i / columns)];
    const place = unplace(((column + 0.5) * width) / columns, ((row + 0.5) * height) / rows);
    return model.score.logProb(...fromFrame(frame, ...place), visible);
  });
  const top = values.reduce((a, b) => Math.max(a, b), -Infinity);
  context.imageSmoothingQuality = "high";
  context.drawImage(canvasOf(shades(columns, rows, values, () => top)), 0, 0, width, height);
}

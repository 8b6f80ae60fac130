// Training sets to begin with. Each preset makes n points from a seed; on a line (d = 1) it uses the first coordinate.

import { normalPairs, uniforms } from "./random.js";

export const PRESETS = {
  clusters: { title: "Two clusters", n: 16, components: 2, make: twoClusters },
  ring: { title: "Ring", n: 12, components: 6, make: ring },
  spiral: { title: "Spiral", n: 40, components: 8, make: spiral },
  grid: { title: "Grid", n: 16, components: 4, make: grid },
  gaussian: { title: "Random Gaussian", n: 30, components: 2, make: gaussian },
  few: { title: "Three points", n: 3, components: 3, make: few },
};

/** Points of a preset as a flat array of pairs; the second coordinate is 0 for d = 1. */
export function presetPoints(name, n, d, seed) {
  const normals = normalPairs(uniforms(seed, 1e6));
  return PRESETS[name].make(n, d, normals);
}

/** n points, point i by a function of i. */
function collect(n, point) {
  const points = new Float64Array(2 * n);
  for (let i = 0; i < n; i++) points.set(point(i), 2 * i);
  return points;
}

function twoClusters(n, d, normals) {
  return collect(n, (i) => {
    const [z, side] = [normals(), i % 2 ? 1 : -1];
    return [1.2 * side + 0.3 * z[0], d === 2 ? 0.3 * z[1] : 0];
  });
}

function ring(n, d) {
  return collect(n, (i) => {
    const angle = (2 * Math.PI * (i + 0.25)) / n;
    return [1.4 * Math.cos(angle), d === 2 ? 1.4 * Math.sin(angle) : 0];
  });
}

function spiral(n, d) {
  return collect(n, (i) => {
    const part = Math.sqrt((i + 1) / n);
    const angle = 3.5 * Math.PI * part;
    return [1.7 * part * Math.cos(angle), d === 2 ? 1.7 * part * Math.sin(angle) : 0];
  });
}

function grid(n, d) {
  if (d === 1) return collect(n, (i) => [n === 1 ? 0 : -1.6 + (3.2 * i) / (n - 1), 0]);
  const side = Math.ceil(Math.sqrt(n));
  const place = (k) => (side === 1 ? 0 : -1.4 + (2.8 * k) / (side - 1));
  return collect(n, (i) => [place(i % side), place(Math.floor(i / side))]);
}

function gaussian(n, d, normals) {
  return collect(n, () => {
    const z = normals();
    return [z[0], d === 2 ? z[1] : 0];
  });
}

/** The first n of a triangle and points around it. */
function few(n, d) {
  const places = [[-1.1, -0.7], [1.2, -0.5], [0.1, 1.1]];
  return collect(n, (i) => {
    const [x, y] = places[i % 3];
    const turn = Math.floor(i / 3) * 0.35;
    return [x + turn, d === 2 ? y + turn / 2 : 0];
  });
}

// Voronoi cells: where each training point is the nearest one, and so where its posterior weight tends to 1.

/** The cells of distinct points as lists of corners [[x, y], ...], inside the square of half-width `reach`. */
export function voronoiCells(points, centre, reach) {
  const n = points.length / 2;
  const [cx, cy] = centre;
  const square = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([a, b]) => [cx + a * reach, cy + b * reach]);
  const cells = [];
  for (let i = 0; i < n; i++) {
    let cell = square;
    for (let j = 0; j < n && cell.length; j++) if (j !== i) cell = nearerTo(cell, points, i, j);
    cells.push(cell);
  }
  return cells;
}

/** The part of a convex polygon that is nearer to point i than to point j. */
function nearerTo(cell, points, i, j) {
  const [nx, ny] = [points[2 * j] - points[2 * i], points[2 * j + 1] - points[2 * i + 1]];
  const [mx, my] = [(points[2 * j] + points[2 * i]) / 2, (points[2 * j + 1] + points[2 * i + 1]) / 2];
  const beyond = ([x, y]) => (x - mx) * nx + (y - my) * ny; // positive on the side of j
  const kept = [];
  cell.forEach((corner, k) => {
    const next = cell[(k + 1) % cell.length];
    const [here, there] = [beyond(corner), beyond(next)];
    if (here <= 0) kept.push(corner);
    if (here < 0 !== there < 0 && here !== there) {
      const share = here / (here - there);
      kept.push([corner[0] + share * (next[0] - corner[0]), corner[1] + share * (next[1] - corner[1])]);
    }
  });
  return kept;
}

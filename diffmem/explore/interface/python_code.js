// A Python program that does with the library what the page shows.

import { PROCESSES } from "../formulas/processes.js";
import { SAMPLERS } from "../formulas/samplers.js";

/** The program for a model and settings; random numbers differ, distributions do not. */
export function pythonProgram({ points, d, process, score }, settings) {
  return `import jax
import numpy as np

import diffmem as dm
from diffmem import integrators, metrics, processes, scores, theory

jax.config.update("jax_enable_x64", True)  # double precision, as in the page
points = np.array(${rowsOf(points, d)})
process = processes.${processCall(process)}
${scoreLines(settings, score, d)}
times = integrators.grids.${settings.grid}(process, steps=${settings.steps})
sampler = integrators.${SAMPLERS[settings.sampler].python}()
out = dm.sample(score, process, sampler, times, (${d},), ${settings.count}, key=jax.random.key(${settings.seed}))
copied = metrics.memorization(out.points, points)
spectrum = theory.spectrum(points)
t_s = theory.speciation_time(process, spectrum)
t_c = theory.collapse_time(process, n=len(np.unique(points, axis=0)), spectrum=spectrum)
print(copied, f"t_S = {t_s:.4g}, t_C = {t_c:.4g}", sep="\\n")
`;
}

function rowsOf(points, d) {
  const rows = Array.from({ length: points.length / 2 }, (_, i) => list([...points.slice(2 * i, 2 * i + d)]));
  return `[\n    ${rows.join(",\n    ")},\n]`;
}

const list = (values) => `[${values.map((value) => (Array.isArray(value) ? list(value) : floatOf(value))).join(", ")}]`;
const floatOf = (value) => (Number.isInteger(value) && Math.abs(value) < 1e15 ? `${value}.0` : `${value}`);

function processCall({ name, low, high }) {
  const { python, unit } = PROCESSES[name];
  const [from, to] = unit === "sigma" ? ["sigma_min", "sigma_max"] : ["t_min", "t_max"];
  return `${python}(${from}=${floatOf(low)}, ${to}=${floatOf(high)})`;
}

function scoreLines({ score: name, width, seed }, score, d) {
  if (name === "gaussian") return "score = scores.Gaussian.fit(points)";
  if (name === "mixture") return mixtureLines(score.components, d);
  if (name === "widened") return `score = scores.Widened(scores.Empirical(points), ${floatOf(width)})`;
  if (name === "empirical") return "score = scores.Empirical(points)";
  return `offsets = scores.antithetic_offsets((${d},), 32, ${floatOf(width)}, key=jax.random.key(${seed + 1}))
score = scores.Smoothed(scores.Empirical(points), offsets, scale=lambda level: level.alpha)`;
}

function mixtureLines(components, d) {
  const rows = components.map(({ covariance: [xx, xy, yy] }) => (d === 1 ? [[xx]] : [[xx, xy], [xy, yy]]));
  return `weights = ${list(components.map(({ weight }) => weight))}
means = np.array(${list(components.map(({ mean }) => mean.slice(0, d)))})
covariances = np.array(${list(rows)})
score = scores.GaussianMixture(np.array(weights), means, covariances)`;
}

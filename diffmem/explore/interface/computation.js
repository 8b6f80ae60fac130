// From settings to results: process, score, grid, critical times and paths, computed in slices so that the page stays alive.

import { criticalTimes, ownWeight } from "../formulas/critical_times.js";
import { tracedPaths } from "../formulas/paths.js";
import { makeProcess } from "../formulas/processes.js";
import { gridTimes, nodesAt } from "../formulas/samplers.js";
import { makeScore } from "../formulas/scores.js";
import { element, emit, lastNode, settings, state } from "./state.js";

const SLICE = 14; // milliseconds of work before the browser may draw
let latest = 0;

/** All results for points and settings, without the paths. */
export function modelOf(points, d, chosen) {
  const process = makeProcess(chosen.process, chosen.low, chosen.high);
  const nodes = nodesAt(process, gridTimes(chosen.grid, process, chosen.steps));
  const critical = criticalTimes(points, d, process);
  const own = nodes.map(({ level }) =>
    level.alpha === 0 ? 1 / critical.n : ownWeight(critical.distinct, level.sigma / level.alpha, critical.noises));
  return { points, d, process, nodes, critical, own, score: makeScore(chosen.score, points, d, chosen) };
}

/** Computes everything again; a later call overtakes one that still runs. */
export async function recompute() {
  const turn = ++latest;
  await pause(); // several changes at once are computed once
  if (turn !== latest) return;
  const model = modelOf(state.points, state.d, settings);
  const work = tracedPaths({ ...model, sampler: settings.sampler, count: settings.count, seed: settings.seed });
  let slice = performance.now();
  for (let step = work.next(); ; step = work.next()) {
    if (step.done) {
      model.run = step.value;
      break;
    }
    if (performance.now() - slice < SLICE) continue;
    if (state.model === null || performance.now() - slice > 4 * SLICE) progress(step.value);
    await pause();
    if (turn !== latest) return;
    slice = performance.now();
  }
  publish(model);
}

function publish(model) {
  const share = state.model ? state.k / lastNode() : 0;
  const atEnd = state.mode === "edit";
  state.model = model;
  state.k = atEnd ? lastNode() : share * lastNode();
  if (state.selection.kind === "path" && state.selection.index >= model.run.count) state.selection.index = 0;
  emit("model");
  emit("frame");
}

const progress = (done) => (element("result").textContent = `Following path ${done} of ${settings.count} …`);
const pause = () => new Promise((resume) => setTimeout(resume, 0));

// From settings to results: process, score, grid, critical times and paths, computed in slices so that the page stays alive.

import { criticalTimes, ownWeight } from "../formulas/critical_times.js";
import { tracedPaths } from "../formulas/paths.js";
import { makeProcess } from "../formulas/processes.js";
import { gridTimes, nodesAt } from "../formulas/samplers.js";
import { makeScore } from "../formulas/scores.js";
import { element, emit, lastNode, settings, state } from "./state.js";

const SLICE = 14; // milliseconds of work before the browser may draw
const PATIENCE = 400; // milliseconds after which a computation is given up when something has changed meanwhile
let [wanted, running] = [0, false];

/** All results for points and settings, without the paths. */
function modelOf(points, d, chosen) {
  const process = makeProcess(chosen.process, chosen.low, chosen.high);
  const nodes = nodesAt(process, gridTimes(chosen.grid, process, chosen.steps));
  const critical = criticalTimes(points, d, process);
  const own = nodes.map(({ level }) =>
    level.alpha === 0 ? 1 / critical.n : ownWeight(critical.distinct, level.sigma / level.alpha, critical.noises));
  return { points, d, process, nodes, critical, own, score: makeScore(chosen.score, points, d, chosen) };
}

/** Computes everything again, once for several changes at once, and once more for changes on the way. */
export async function recompute() {
  wanted++;
  if (running) return;
  running = true;
  try {
    for (let turn = 0; turn !== wanted; ) {
      await pause();
      turn = wanted;
      const model = await computed(() => turn !== wanted);
      if (model) publish(model);
    }
  } finally {
    running = false;
  }
}

/** The model with its paths; null if it took long and is overtaken. While points are dragged short ones are all shown. */
async function computed(overtaken) {
  const began = performance.now();
  const model = modelOf(state.points, state.d, settings);
  const work = tracedPaths({ ...model, sampler: settings.sampler, count: settings.count, seed: settings.seed });
  let slice = performance.now();
  let step = work.next();
  while (!step.done) {
    if (performance.now() - slice > SLICE) {
      if (performance.now() - began > PATIENCE) {
        showProgress(step.value);
        if (overtaken()) return null;
      }
      await pause();
      slice = performance.now();
    }
    step = work.next();
  }
  return { ...model, run: step.value };
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

/** Seen at once, but read aloud only when the result is there. */
function showProgress(done) {
  element("result").setAttribute("aria-busy", "true");
  element("result").textContent = `Following path ${done} of ${settings.count} …`;
}

const pause = () => new Promise((resume) => setTimeout(resume, 0));

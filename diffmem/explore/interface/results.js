// Results in words and numbers beside the picture.

import { selectedState, selectionName } from "./selection.js";
import { element, levelAt, settings, shown, state } from "./state.js";

const BARS = 6;

/** What changes with every moment. */
export function showMoment() {
  const { model, k } = state;
  const level = levelAt(model, k);
  const i = Math.min(Math.floor(k), model.nodes.length - 2);
  const largest = model.run.largest[i] + (k - i) * (model.run.largest[i + 1] - model.run.largest[i]);
  const numbers = { t: level.time, alpha: level.alpha, sigma: level.sigma, ratio: level.sigma / level.alpha, largest };
  for (const [name, value] of Object.entries(numbers)) element(`now-${name}`).textContent = shown(value);
  element("time").value = k;
  element("time").setAttribute("aria-valuetext", `t = ${shown(level.time)}, sigma over alpha ${shown(numbers.ratio)}`);
  showWeights(selectedState(model, level).weights);
}

/** Bars of the heaviest training points, and what is left for the others. */
function showWeights(weights) {
  const order = [...weights.keys()].sort((a, b) => weights[b] - weights[a]).slice(0, BARS);
  const list = element("weights");
  while (list.children.length < order.length) list.append(bar());
  while (list.children.length > order.length) list.lastChild.remove();
  order.forEach((i, place) => {
    const [name, track, value] = list.children[place].children;
    name.textContent = `point ${i + 1}`;
    track.style.setProperty("--share", `${100 * weights[i]}%`);
    value.textContent = weights[i].toFixed(3);
  });
  const rest = 1 - order.reduce((sum, i) => sum + weights[i], 0);
  const others = weights.length - order.length;
  const effective = 1 / weights.reduce((sum, weight) => sum + weight * weight, 0);
  element("weights-of").textContent = selectionName();
  element("weights-sum").textContent =
    `Effective number of points, 1/Σ pᵢ²: ${shown(effective)}.` +
    (others > 0 ? ` The other ${others} share ${Math.max(rest, 0).toFixed(3)}.` : "");
}

function bar() {
  const row = document.createElement("li");
  for (const tag of ["b", "i", "span"]) row.append(document.createElement(tag));
  return row;
}

/** What changes with the model: copies and critical times. */
export function showResults() {
  const { run, critical } = state.model;
  element("result").setAttribute("aria-busy", "false");
  element("result").textContent = sentence(run, critical);
  for (const name of ["speciation", "predicted", "measured"]) {
    element(`${name}-time`).textContent = shown(critical.times[name]);
    element(`${name}-ratio`).textContent = shown(critical.ratios[name]);
  }
}

function sentence(run, critical) {
  const score = settings.score === "empirical" ? "the exact score" : "the chosen score";
  if (!run.defined) return `${run.count} paths with ${score}. Where all training points are equal, copies are not defined.`;
  const found = `${run.copies} of ${run.count} samples from ${score} are copies`;
  if (run.copies === 0) return `${found}.`;
  return `${found}. They copy ${run.distinctCopies} of the ${critical.n} distinct training points.`;
}

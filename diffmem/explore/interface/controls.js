// The form of settings.

import { PRESETS } from "../formulas/presets.js";
import { PROCESSES } from "../formulas/processes.js";
import { GRIDS, SAMPLERS } from "../formulas/samplers.js";
import { SCORES } from "../formulas/scores.js";
import { recompute } from "./computation.js";
import {
  addPoint, changeDimension, deletePoint, isPreset, keepOne, loadPreset, MOST_POINTS, movePoint, ownPoints, rescalePoints,
} from "./editing.js";
import { moveTo, setMode, stop, toggle } from "./player.js";
import { pythonProgram } from "./python_code.js";
import { saveAnimation, savePicture } from "./saving.js";
import { element, emit, settings, state } from "./state.js";

const LEAST = 1e-6; // time or noise scale at which paths may end
const APART = 0.9; // the largest ratio of the last to the first of them

const ABOUT_SCORE = {
  empirical: "The optimum that n training points allow: every path ends on one of them.",
  smoothed: "The mean of the exact score over 32 shifted states. Its density is shown without normalisation.",
  widened: "The exact score of data with a Gaussian of this width on every training point.",
  mixture: "A mixture of Gaussians with as many components as chosen, fitted by expectation maximisation.",
  gaussian: "The score of the Gaussian with the mean and covariance of the points: linear, and without copies.",
};

/** Options of a select, in groups where `groupOf` names them. */
function fill(id, table, groupOf = null) {
  for (const [value, { title }] of Object.entries(table)) {
    const group = groupOf?.(table[value]);
    let parent = element(id);
    if (group) {
      parent = [...element(id).children].find((child) => child.label === group) ?? document.createElement("optgroup");
      parent.label = group;
      element(id).append(parent);
    }
    parent.append(new Option(title, value));
  }
}

/** A number of the form between its bounds; what is no number changes nothing. */
function listenToNumber(id, changed, least = -Infinity, most = Infinity) {
  element(id).addEventListener("change", ({ target }) => {
    const value = target.value.trim() === "" ? NaN : Number(target.value);
    if (Number.isFinite(value)) {
      const kept = Math.max(least, Math.min(most, value));
      changed(target.step === "1" ? Math.round(kept) : kept);
    }
    showSettings();
  });
}

const listenToChoice = (id, changed) => element(id).addEventListener("change", ({ target }) => changed(target.value));
const listenToPress = (id, pressed) => element(id).addEventListener("click", pressed);

function set(name, value) {
  settings[name] = value;
  showSettings();
  recompute();
}

export function listenToControls() {
  const own = ownPoints();
  if (own) element("preset").append(new Option(own.name, "own"));
  fill("preset", PRESETS);
  fill("process", PROCESSES);
  fill("score", SCORES);
  fill("sampler", SAMPLERS, ({ random }) => (random ? "Reverse SDE" : "Probability flow (ODE)"));
  fill("grid", GRIDS);
  listenToData();
  listenToModel();
  listenToView();
}

function listenToData() {
  listenToChoice("preset", (name) => {
    settings.preset = name;
    if (isPreset(name)) {
      const { n, components } = PRESETS[name];
      Object.assign(settings, { n, components });
    }
    loadPreset();
  });
  listenToChoice("dimension", (value) => changeDimension(Number(value)));
  listenToNumber("n", changeCount, 1, MOST_POINTS);
  listenToPress("redraw", () => {
    settings.seed += 1;
    loadPreset();
  });
  listenToPress("rescale", rescalePoints);
  listenToPress("clear", () => {
    keepOne();
    setMode("edit");
  });
  listenToNumber("point", (number) => {
    state.point = Math.min(number, state.points.length / 2) - 1;
    emit("points");
    emit("frame");
  }, 1);
  listenToNumber("point-x", (x) => movePoint(state.point, x, state.points[2 * state.point + 1]));
  listenToNumber("point-y", (y) => movePoint(state.point, state.points[2 * state.point], y));
  listenToPress("add", () => addPoint(state.camera.centre[0], state.camera.centre[1]));
  listenToPress("delete", () => deletePoint(state.point));
}

/** More or fewer points of a preset; of the user's own, the first n. */
function changeCount(n) {
  settings.n = n;
  if (isPreset(settings.preset)) return loadPreset();
  settings.n = Math.min(n, ownPoints().points.length);
  loadPreset();
}

function listenToModel() {
  listenToChoice("process", (name) => {
    Object.assign(settings, { low: PROCESSES[name].low, high: PROCESSES[name].high });
    set("process", name);
  });
  listenToNumber("low", (value) => set("low", Math.max(LEAST, Math.min(value, APART * settings.high))));
  listenToNumber("high", (value) =>
    set("high", Math.min(Math.max(value, settings.low / APART), PROCESSES[settings.process].most)));
  for (const id of ["score", "sampler", "grid"]) listenToChoice(id, (value) => set(id, value));
  for (const [id, least, most] of [["width", 1e-3, 1e3], ["components", 1, 50], ["steps", 2, 1000], ["count", 1, 2000],
    ["seed", 0, 2 ** 31 - 1]]) {
    listenToNumber(id, (value) => set(id, value), least, most);
  }
}

function listenToView() {
  for (const name of Object.keys(settings.show)) {
    element(`show-${name}`).addEventListener("change", ({ target }) => {
      settings.show[name] = target.checked;
      emit("frame");
    });
  }
  listenToChoice("frame", (value) => {
    settings.frame = value;
    emit("frame");
  });
  element("time").addEventListener("input", ({ target }) => {
    stop();
    moveTo(Number(target.value));
  });
  for (const input of document.getElementsByName("mode")) input.addEventListener("change", () => setMode(input.value));
  listenToPress("play", toggle);
  listenToPress("save-picture", savePicture);
  listenToPress("save-animation", saveAnimation);
  listenToPress("copy", copyProgram);
  for (const link of document.querySelectorAll("a.term")) {
    link.title = document.querySelector(`${link.getAttribute("href")} dd`).textContent.replace(/\s+/g, " ");
    link.addEventListener("click", () => (element("glossary").open = true));
  }
}

/** Copies the program where the browser allows it, and selects it in any case. */
async function copyProgram() {
  getSelection().selectAllChildren(element("python"));
  try {
    await navigator.clipboard.writeText(element("python").textContent);
    element("copied").textContent = "Copied.";
  } catch {
    element("copied").textContent = "Selected: copy it with the keyboard.";
  }
}

/** Writes all settings into the form. */
export function showSettings() {
  for (const id of ["preset", "n", "process", "low", "high", "score", "width", "components", "sampler", "grid", "steps",
    "count", "seed", "frame"]) {
    element(id).value = settings[id];
  }
  for (const [name, value] of Object.entries(settings.show)) element(`show-${name}`).checked = value;
  const { formula, unit } = PROCESSES[settings.process];
  element("formula").textContent = formula;
  element("low-label").textContent = unit === "sigma" ? "σ from" : "t from";
  const { uses } = SCORES[settings.score];
  element("width-row").hidden = !uses.includes("width");
  element("components-row").hidden = !uses.includes("components");
  element("about-score").textContent = ABOUT_SCORE[settings.score];
  showPoint();
}

/** The fields of the selected point. */
function showPoint() {
  const { points, point, d } = state;
  element("dimension").value = d;
  element("point").value = point + 1;
  element("point").max = points.length / 2;
  element("point-x").value = rounded(points[2 * point]);
  element("point-y").value = rounded(points[2 * point + 1]);
  for (const part of document.querySelectorAll(".plane")) part.hidden = d === 1;
  element("delete").disabled = points.length <= 2;
}

const rounded = (value) => Number(value.toPrecision(6));

export const showProgram = () => (element("python").textContent = pythonProgram(state.model, settings));

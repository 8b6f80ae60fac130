// Time: the slider's place, playing and stepping.

import { fitCamera } from "../pictures/camera.js";
import { element, emit, lastNode, settings, state } from "./state.js";

const DURATION = 7000; // milliseconds from noise to data

/** Moves to a place of the grid; editing shows the end of time only, so that leaving the end leaves editing. */
export function moveTo(k) {
  state.k = Math.max(0, Math.min(k, lastNode()));
  if (state.mode === "edit" && state.k < lastNode()) setMode("inspect");
  emit("frame");
}

export function setMode(mode) {
  if (state.mode === "edit" && mode === "inspect") fitCamera(); // at rest while points are moved
  state.mode = mode;
  if (mode === "edit") {
    stop();
    state.k = lastNode();
  }
  emit("mode");
  emit("frame");
}

/** Plays to the end, from the beginning where the end is reached; `ended` is called there. */
export function play(ended = null) {
  if (state.playing) return;
  if (state.mode === "edit") setMode("inspect");
  if (state.k >= lastNode()) state.k = 0;
  state.playing = true;
  emit("mode");
  let before = performance.now();
  const advance = (now) => {
    if (!state.playing) return;
    moveTo(state.k + ((now - before) / DURATION) * lastNode());
    before = now;
    if (state.k < lastNode()) return requestAnimationFrame(advance);
    stop();
    ended?.();
  };
  requestAnimationFrame(advance);
}

export function stop() {
  state.playing = false;
  emit("mode");
}

export const toggle = () => (state.playing ? stop() : play());

/** To the next node in a direction. */
export function stepBy(direction) {
  stop();
  moveTo(direction > 0 ? Math.floor(state.k + 1e-9) + 1 : Math.ceil(state.k - 1e-9) - 1);
}

const HINTS = {
  inspect: "Click a sample to follow its path, or any place to probe the posterior there.",
  edit: "Click to add a point, drag over empty space to draw several, drag a point to move it, double-click to delete it.",
};

/** The state of the buttons. */
export function showMode() {
  element("play").textContent = state.playing ? "Pause" : "Play";
  element("play").setAttribute("aria-label", state.playing ? "Pause" : "Play from noise to data");
  for (const input of document.getElementsByName("mode")) input.checked = input.value === state.mode;
  element("picture").classList.toggle("editing", state.mode === "edit");
  element("hint").textContent = HINTS[state.mode];
  element("frame").value = settings.frame;
}

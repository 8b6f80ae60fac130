// The curves above the slider: largest weight of the paths and own weight against time, with the critical times.

import { surfaceOf } from "./camera.js";
import { element, lastNode, placeOfTime, state } from "../interface/state.js";
import { theme } from "./theme.js";

const EDGE_OF_SLIDER = 8; // half the width of the slider's thumb, which stops that far from both ends
const [TOP, BOTTOM] = [17, 4];

export function drawTimeline() {
  const { model } = state;
  const surface = surfaceOf(element("timeline"));
  const { context, width, height } = surface;
  const { line, accent, muted, ink, second, font } = theme();
  const across = (k) => EDGE_OF_SLIDER + (k / lastNode()) * (width - 2 * EDGE_OF_SLIDER);
  const up = (share) => height - BOTTOM - share * (height - TOP - BOTTOM);
  context.clearRect(0, 0, width, height);
  for (const share of [0, 0.5, 1]) rule(context, line, [across(0), up(share)], [across(lastNode()), up(share)]);

  const mark = (time, colour, letter) => {
    const k = placeOfTime(model, time);
    if (k === null) return;
    rule(context, colour, [across(k), up(0)], [across(k), up(1)], 2);
    context.fillStyle = colour;
    context.textAlign = "center";
    context.font = `12px ${font}`;
    context.fillText("t", across(k) - 3, TOP - 6);
    context.font = `9px ${font}`;
    context.fillText(letter, across(k) + 4, TOP - 4);
  };
  mark(model.critical.times.speciation, second, "S");
  mark(model.critical.times.predicted, ink, "C");
  curve(context, model.own, across, up, muted, [4, 3]);
  curve(context, model.run.largest, across, up, accent, []);
  const measured = placeOfTime(model, model.critical.times.measured);
  if (measured !== null) measuredRing(context, across(measured), up(0.5));
  rule(context, accent, [across(state.k), up(1)], [across(state.k), height], 1); // below the letters
}

function rule(context, colour, from, to, width = 1) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

function curve(context, values, across, up, colour, dash) {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.setLineDash(dash);
  context.beginPath();
  values.forEach((value, k) => context.lineTo(across(k), up(value)));
  context.stroke();
  context.setLineDash([]);
}

function measuredRing(context, px, py) {
  context.strokeStyle = theme().ink;
  context.fillStyle = theme().surface;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(px, py, 4.5, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
}

// The picture as a PNG file, and the way from noise to data as a video.

import { play, stop } from "./player.js";
import { element, emit, state } from "./state.js";

const KINDS = ["video/webm;codecs=vp9", "video/webm", "video/mp4"];
const FRAMES = 30; // a second

const SHARPNESS = 3; // pixels of a saved picture for each pixel of the page, at least

export function savePicture() {
  state.density = Math.max(SHARPNESS, window.devicePixelRatio);
  emit("draw");
  element("picture").toBlob((blob) => download(blob, "diffmem.png"), "image/png");
  state.density = null;
  emit("frame");
}

/** Plays from the beginning and records the picture; the file is offered at the end. */
export function saveAnimation() {
  const canvas = element("picture");
  const type = KINDS.find((kind) => window.MediaRecorder?.isTypeSupported(kind));
  if (!type || !canvas.captureStream) return say("This browser cannot record a canvas; save single pictures instead.");
  const recorder = new MediaRecorder(canvas.captureStream(FRAMES), { mimeType: type, videoBitsPerSecond: 8e6 });
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.onstop = () => download(new Blob(parts, { type }), type.includes("mp4") ? "diffmem.mp4" : "diffmem.webm");
  stop();
  state.k = 0;
  emit("frame");
  recorder.start();
  say("Recording from noise to data …");
  play(() => setTimeout(() => recorder.stop(), 500)); // the last frame stays for half a second
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  say(`Saved ${name}, ${Math.max(1, Math.round(blob.size / 1024))} kB.`);
}

const say = (text) => (element("saved").textContent = text);

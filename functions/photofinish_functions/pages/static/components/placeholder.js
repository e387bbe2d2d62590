// What is shown until a photo is there: its ThumbHash, 30 bytes that look like the photo out of focus.

import { thumbHashToAverageRGBA, thumbHashToRGBA } from "../vendor/thumbhash.js";

const SLICE_MS = 4;
const AT_ONCE_MS = 120;
const bytesOf = (base64) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
const soon = self.requestIdleCallback ?? ((act) => setTimeout(act, 50));
let waiting = [];

/** A canvas of the ThumbHash in Base64; null if there is none. */
export function placeholder(base64) {
  if (!base64) return null;
  const { w, h, rgba } = thumbHashToRGBA(bytesOf(base64));
  const canvas = document.createElement("canvas");
  canvas.width = w;
  canvas.height = h;
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(rgba), w, h), 0, 0);
  return canvas;
}

/**
 * Let `frame` have its photo's colour at once, the ThumbHash as soon as there is time for it, and then `picture`, which may be
 * null: it fades in, unless it is there at once. What lies under it goes, so that it need not be painted.
 */
export function blurUp(frame, base64, picture) {
  if (base64) {
    const { r, g, b } = thumbHashToAverageRGBA(bytesOf(base64));
    frame.style.setProperty("background-color", `rgb(${[r, g, b].map((part) => Math.round(255 * part)).join(" ")})`);
    if (waiting.push({ frame, base64, picture }) === 1) soon(drawSome);
  }
  if (picture === null) return;
  const made = performance.now();
  picture.addEventListener("load", () => {
    const under = frame.querySelector("canvas");
    const isAtOnce = under === null || performance.now() - made < AT_ONCE_MS;
    picture.classList.toggle("at-once", isAtOnce);
    picture.classList.add("loaded");
    if (isAtOnce) under?.remove();
    else picture.addEventListener("transitionend", () => under.remove(), { once: true });
  });
}

/** Draw those that are still looked at and waited for, a few milliseconds at a time. */
function drawSome() {
  const until = performance.now() + SLICE_MS;
  while (waiting.length > 0 && performance.now() < until) {
    const { frame, base64, picture } = waiting.shift();
    if (frame.isConnected && !picture?.classList.contains("loaded")) frame.prepend(placeholder(base64));
  }
  if (waiting.length > 0) soon(drawSome);
}

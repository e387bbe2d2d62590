// What is shown until a photo is there: its ThumbHash, 30 bytes that look like the photo out of focus.

import { thumbHashToRGBA } from "../vendor/thumbhash.js";

/** A canvas of the ThumbHash in Base64; null if there is none. */
export function placeholder(base64) {
  if (!base64) return null;
  const { w, h, rgba } = thumbHashToRGBA(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
  const canvas = document.createElement("canvas");
  canvas.width = w;
  canvas.height = h;
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(rgba), w, h), 0, 0);
  return canvas;
}

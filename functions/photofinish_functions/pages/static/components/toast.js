// A short message at the lower edge that goes by itself; it is read out, and stays while it is touched.

import { el } from "../elements.js";

const SHOWN_MS = 6000;
let region = null;

/** Show `text`, with an action `{label, run}` if something can be undone. */
export function toast(text, action = null) {
  region ??= document.body.appendChild(el("div", { class: "toasts", role: "status" }));
  const shown = el("div", { class: "toast" }, el("span", { text }));
  let timer = null;
  const leave = () => shown.remove();
  const start = () => (timer = setTimeout(leave, SHOWN_MS));
  if (action !== null) {
    const run = () => {
      leave();
      action.run();
    };
    shown.append(el("button", { type: "button", text: action.label, on: { click: run } }));
  }
  for (const event of ["pointerenter", "focusin"]) shown.addEventListener(event, () => clearTimeout(timer));
  for (const event of ["pointerleave", "focusout"]) shown.addEventListener(event, start);
  // A modal dialog covers everything below it: the message belongs into the topmost.
  const modal = [...document.querySelectorAll("dialog:modal")].at(-1) ?? document.body;
  if (region.parentNode !== modal) modal.append(region);
  region.append(shown);
  start();
  return shown;
}

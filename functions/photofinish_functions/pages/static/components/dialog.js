// Dialogs on the browser's own <dialog>: it keeps the focus inside and gives it back.

import { el } from "../elements.js";
import { closeLayer, openLayer } from "../layers.js";

/** Open the `<dialog>`; a tap beside it, Escape and the back button close it. Resolves with its return value. */
export function openDialog(dialog) {
  return new Promise((resolve) => {
    const layer = openLayer(() => dialog.close(""));
    const beside = (event) => {
      if (event.target === dialog) dialog.close("");
    };
    const closed = () => {
      dialog.removeEventListener("click", beside);
      closeLayer(layer);
      resolve(dialog.returnValue);
    };
    dialog.addEventListener("click", beside);
    dialog.addEventListener("close", closed, { once: true });
    dialog.returnValue = "";
    dialog.showModal();
  });
}

/** Ask a question; resolves with whether the reader agreed. */
export async function confirmed({ title, text, yes, no, danger = false }) {
  const heading = el("h2", { id: "confirm-title", text: title });
  const refuse = el("button", { class: "button quiet", value: "", text: no });
  const agree = el("button", { class: danger ? "button danger" : "button primary", value: "yes", text: yes });
  const actions = el("div", { class: "actions" }, refuse, agree);
  const form = el("form", { method: "dialog", class: "stack" }, heading, el("p", { text }), actions);
  const dialog = el("dialog", { class: "dialog", "aria-labelledby": heading.id }, form);
  document.body.append(dialog);
  const answer = await openDialog(dialog);
  dialog.remove();
  return answer === "yes";
}

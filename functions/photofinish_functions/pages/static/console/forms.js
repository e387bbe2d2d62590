// Forms: labelled fields, a button that is busy while its work runs, problems beside what they are about.

import { el, icon } from "../elements.js";
import { t } from "../messages.js";

let ids = 0;

/** A labelled control. `control` is an element, or the options of an `<input>`. */
export function field(label, control, { hint = null } = {}) {
  const input = control instanceof Element ? control : el("input", control);
  ids += 1;
  input.id ||= `field-${ids}`;
  const described = hint === null ? null : el("p", { class: "hint", id: `${input.id}-hint`, text: hint });
  if (described !== null) input.setAttribute("aria-describedby", described.id);
  return el("div", { class: "field" }, el("label", { for: input.id, text: label }), input, described);
}

/** A list to choose from: `options` are pairs of value and text. */
export function select(options, { value = "", ...attributes } = {}) {
  return el("select", attributes, ...options.map(([option, text]) => el("option", { value: option, text, selected: option === value })));
}

/** A box to tick with its text. */
export function choice(text, attributes = {}) {
  return el("label", { class: "choice" }, el("input", { type: "checkbox", ...attributes }), el("span", { text }));
}

export function button(text, { symbol = null, kind = "", ...attributes } = {}) {
  const made = el("button", { type: "button", class: `button ${kind}`, ...attributes });
  if (symbol !== null) made.append(icon(symbol));
  made.append(text);
  return made;
}

/** Run `work` while `button` is busy; it cannot be pressed a second time meanwhile. */
export async function busily(pressed, work) {
  if (pressed.getAttribute("aria-busy") === "true") return undefined;
  pressed.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    pressed.removeAttribute("aria-busy");
  }
}

/** A form that runs `save(values, form)` when it is sent, and shows what went wrong above its buttons. */
export function form(fields, { label, save, more = [], kind = "primary" }) {
  const problem = el("p", { class: "notice bad", role: "alert", hidden: true });
  const send = el("button", { class: `button ${kind}`, text: label });
  const made = el("form", { class: "stack", novalidate: false }, ...fields, problem, el("div", { class: "row" }, send, ...more));
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    problem.hidden = true;
    busily(send, () => save(new FormData(made), made)).catch((error) => {
      problem.textContent = error.message;
      problem.hidden = false;
    });
  });
  return made;
}

/** What is shown where there is nothing yet. */
export function empty(symbol, title, text, ...actions) {
  return el("div", { class: "empty" }, icon(symbol), el("h2", { text: title }), el("p", { class: "soft", text }), ...actions);
}

/** A sentence about what went wrong, and a button to try again. */
export function failure(error, again = null) {
  const retry = again === null ? null : button(t("try_again"), { on: { click: again } });
  return el("div", { class: "notice bad", role: "alert" }, icon("warning"), el("div", { class: "stack" }, el("span", { text: error.message }), retry));
}

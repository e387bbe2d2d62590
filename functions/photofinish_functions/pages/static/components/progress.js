// <pf-progress value="40" max="100" label="…">: a bar and what it counts. Without a value it only says that it goes on.

import { el } from "../elements.js";

class Progress extends HTMLElement {
  static observedAttributes = ["value", "max", "label"];
  #bar = el("div", { class: "bar" });
  #label = el("span", { class: "small soft" });

  connectedCallback() {
    if (this.contains(this.#bar)) return;
    this.setAttribute("role", "progressbar");
    this.append(this.#label, el("div", { class: "track" }, this.#bar));
    this.attributeChangedCallback();
  }

  attributeChangedCallback() {
    const max = Number(this.getAttribute("max") ?? 1);
    const label = this.getAttribute("label") ?? "";
    this.#label.textContent = label;
    this.#label.hidden = label === "";
    this.setAttribute("aria-label", label);
    if (!this.hasAttribute("value")) {
      this.removeAttribute("aria-valuenow");
      return;
    }
    const value = Number(this.getAttribute("value"));
    this.setAttribute("aria-valuemin", "0");
    this.setAttribute("aria-valuemax", String(max));
    this.setAttribute("aria-valuenow", String(value));
    this.#bar.style.setProperty("--done", String(max > 0 ? Math.min(value / max, 1) : 0));
  }
}

customElements.define("pf-progress", Progress);

// <pf-pad name="bib" label="…" letters="ABC" digits="123" clear="…">: a number with big keys, and letters by the keyboard.
// The input is a real one, so forms, keyboards, paste and screen readers work as always.

import { el, icon } from "../elements.js";

const MAX_CHARS = 12;

class Pad extends HTMLElement {
  connectedCallback() {
    if (this.input) return;
    this.input = el("input", {
      name: this.getAttribute("name") ?? "number",
      "aria-label": this.getAttribute("label"),
      autocomplete: "off",
      autocapitalize: "characters",
      spellcheck: "false",
      enterkeyhint: "search",
      maxlength: MAX_CHARS,
      // The pad is the keyboard; the system's comes for letters only.
      inputmode: "none",
    });
    const keys = [..."123456789"].map((digit) => this.#key(digit, () => this.#type(digit)));
    this.letters = this.#key(this.getAttribute("letters"), () => this.#useLetters(), "word");
    const clear = this.#key("", () => this.#erase());
    clear.setAttribute("aria-label", this.getAttribute("clear"));
    clear.append(icon("backspace"));
    const grid = el("div", { class: "keys" }, ...keys, this.letters, this.#key("0", () => this.#type("0")), clear);
    this.append(this.input, grid);
  }

  get value() {
    return this.input.value.trim();
  }

  set value(text) {
    this.input.value = text;
    this.#tell();
  }

  #key(text, press, kind = "") {
    return el("button", { type: "button", class: `key ${kind}`, text, on: { click: press } });
  }

  #type(digit) {
    const { selectionStart: from, selectionEnd: to, value } = this.input;
    if (value.length - (to - from) >= MAX_CHARS) return;
    this.input.setRangeText(digit, from, to, "end");
    this.#tell();
  }

  #erase() {
    const { selectionStart: from, selectionEnd: to } = this.input;
    this.input.setRangeText("", from === to ? Math.max(from - 1, 0) : from, to, "end");
    this.#tell();
  }

  #useLetters() {
    const letters = this.input.getAttribute("inputmode") === "none";
    this.input.setAttribute("inputmode", letters ? "text" : "none");
    this.letters.textContent = this.getAttribute(letters ? "digits" : "letters");
    this.input.blur();
    if (letters) this.input.focus();
  }

  #tell() {
    this.input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

customElements.define("pf-pad", Pad);

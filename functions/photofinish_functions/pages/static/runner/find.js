// The form "find me": a selfie, a number, or both.

import "../components/pad.js";
import "../components/tabs.js";
import { t } from "../messages.js";
import { drawSquare, smallSelfie } from "./selfie.js";

const byId = (id) => document.getElementById(id);

/** The form; tells "find" with what is searched for: `{selfie: Blob|null, bib: string|null}`. */
export class FindForm extends EventTarget {
  #selfie = null;
  #busy = false;

  constructor() {
    super();
    for (const id of ["camera", "file"]) byId(id).addEventListener("change", (event) => this.#choose(event.target));
    byId("selfie-remove").addEventListener("click", () => this.removeSelfie());
    byId("number").addEventListener("input", () => this.#draw());
    byId("ways").addEventListener("change", () => this.problem(null));
    byId("find").addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#busy && this.isFilled) this.dispatchEvent(new CustomEvent("find", { detail: this.wanted }));
    });
    this.#draw();
    // A picture may have been chosen before the scripts were there.
    const early = ["camera", "file"].map(byId).find((input) => input.files.length > 0);
    if (early !== undefined) this.#choose(early);
  }

  get wanted() {
    return { selfie: this.#selfie, bib: byId("number").value.toUpperCase() || null };
  }

  get isFilled() {
    return this.#selfie !== null || byId("number").value !== "";
  }

  set bib(number) {
    byId("number").value = number;
    document.querySelector("pf-tabs").select(byId("by-number"));
  }

  set busy(isBusy) {
    this.#busy = isBusy;
    const button = byId("find-button");
    button.textContent = t(isBusy ? "looking" : this.#label);
    if (isBusy) button.setAttribute("aria-busy", "true");
    else button.removeAttribute("aria-busy");
  }

  /** Say why nothing was found out; null takes it away. */
  problem(sentence) {
    byId("find-problem").textContent = sentence ?? "";
    byId("find-problem").hidden = sentence === null;
  }

  removeSelfie() {
    this.#selfie = null;
    for (const id of ["camera", "file"]) byId(id).value = "";
    this.problem(null);
    this.#draw();
  }

  async #choose(input) {
    const [file] = input.files;
    if (file === undefined) return;
    this.problem(null);
    const made = await smallSelfie(file);
    if (made === null) {
      this.problem(t("error_not_a_picture"));
      input.value = "";
      return;
    }
    this.#selfie = made.blob;
    drawSquare(made.canvas, byId("selfie-view"));
    this.#draw();
    byId("find-button").focus();
  }

  get #label() {
    if (this.#selfie === null) return "find_me";
    return byId("number").value === "" ? "agree_and_find" : "agree_and_find_both";
  }

  #draw() {
    byId("selfie-start").hidden = this.#selfie !== null;
    byId("selfie-chosen").hidden = this.#selfie === null;
    byId("find-button").disabled = !this.isFilled;
    if (!this.#busy) byId("find-button").textContent = t(this.#label);
  }
}

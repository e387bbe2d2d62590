// A photo with its boxes: faces and numbers as buttons over the picture, and a new box drawn with pointer or finger.

import { el, icon } from "../../elements.js";
import { t } from "../../messages.js";

const SMALLEST = 0.004;

/**
 * The stage of `photo`. `chosen(kind, item)` is called for a box that is pressed, `drawn(box)` for a new one,
 * `dropped(number, face)` for a number that was dragged onto a face.
 */
export class Stage {
  #frame = el("div", { class: "frame" });
  #drawing = null;

  constructor(photo, { nameOf, chosen, drawn, dropped }) {
    Object.assign(this, { nameOf, chosen, drawn, dropped });
    this.element = el("div", { class: "stage" }, this.#frame);
    const url = photo.renditions.preview?.url;
    this.hasPicture = url !== undefined;
    const alt = photo.photo.name.split("/").at(-1);
    if (!this.hasPicture) this.#frame.append(el("div", { class: "no-picture" }, icon("picture"), el("p", { text: t("no_picture") })));
    else this.#frame.append(el("img", { src: url, alt, draggable: "false" }));
    this.#frame.addEventListener("pointerdown", (event) => this.#start(event));
    this.#frame.addEventListener("pointermove", (event) => this.#stretch(event));
    this.#frame.addEventListener("pointerup", (event) => this.#end(event));
    this.#frame.addEventListener("pointercancel", () => this.#clear());
    this.draw(photo);
  }

  /** Show the boxes of `photo`, as they are now. */
  draw(photo) {
    for (const box of this.#frame.querySelectorAll(".box")) box.remove();
    if (!this.hasPicture) return;
    for (const face of photo.faces) if (onPicture(face) !== null) this.#frame.append(this.#box("face", face, this.nameOf(face) ?? ""));
    for (const bib of photo.bibs) if (onPicture(bib) !== null) this.#frame.append(this.#box("bib", bib, bib.number));
  }

  /** Whether a box is being drawn by the next drag. */
  set draws(isOn) {
    this.element.classList.toggle("draws", isOn);
    if (!isOn) this.#clear();
  }

  get draws() {
    return this.element.classList.contains("draws");
  }

  /** Mark the boxes of a face and of what it wears. */
  mark(faceId) {
    for (const box of this.#frame.querySelectorAll(".box")) box.classList.toggle("marked", faceId !== null && box.dataset.face === faceId);
  }

  #box(kind, item, text) {
    const label = t(kind === "face" ? "box_face" : "box_number", { text: text === "" ? t("unnamed") : text });
    const box = el("button", { type: "button", class: `box ${kind}`, "aria-label": label, "data-face": item.face_id }, text === "" ? null : el("span", { text }));
    place(box, onPicture(item));
    box.addEventListener("click", () => this.chosen(kind, item));
    if (kind === "face") {
      box.addEventListener("dragover", (event) => event.dataTransfer.types.includes("text/x-number") && event.preventDefault());
      box.addEventListener("drop", (event) => {
        const number = event.dataTransfer.getData("text/x-number");
        if (number === "") return;
        event.preventDefault();
        this.dropped(number, item);
      });
    }
    return box;
  }

  #start(event) {
    if (!this.draws || event.button !== 0) return;
    event.preventDefault();
    this.#frame.setPointerCapture(event.pointerId);
    const element = el("span", { class: "box drawn" });
    this.#drawing = { ...this.#point(event), element };
    this.#frame.append(element);
    this.#stretch(event);
  }

  #stretch(event) {
    if (this.#drawing === null) return;
    this.#drawing.box = between(this.#drawing, this.#point(event));
    place(this.#drawing.element, this.#drawing.box);
  }

  #end() {
    const drawing = this.#drawing;
    this.#drawing = null;
    if (drawing === null) return;
    if (drawing.box.w < SMALLEST || drawing.box.h < SMALLEST) drawing.element.remove();
    else this.drawn(drawing.box);
  }

  #clear() {
    this.#drawing = null;
    for (const box of this.#frame.querySelectorAll(".drawn")) box.remove();
  }

  #point({ clientX, clientY }) {
    const { left, top, width, height } = this.#frame.getBoundingClientRect();
    return { x: inUnit((clientX - left) / width), y: inUnit((clientY - top) / height) };
  }
}

const inUnit = (value) => Math.min(Math.max(value, 0), 1);
const rounded = (value) => Math.round(value * 1e4) / 1e4;

/** Where a face or number is on the picture; null if it is not there: a film's picture is of one moment of many. */
export function onPicture({ box, poster_box: poster = null }) {
  return box === null || (box.at_s ?? null) === null ? box : poster;
}

/** The box between two corners. */
export function between(one, other) {
  return {
    x: rounded(Math.min(one.x, other.x)),
    y: rounded(Math.min(one.y, other.y)),
    w: rounded(Math.abs(one.x - other.x)),
    h: rounded(Math.abs(one.y - other.y)),
  };
}

function place(element, box) {
  element.style.left = `${box.x * 100}%`;
  element.style.top = `${box.y * 100}%`;
  element.style.width = `${box.w * 100}%`;
  element.style.height = `${box.h * 100}%`;
}

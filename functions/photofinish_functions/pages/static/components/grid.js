// <pf-grid label="…" size="large">: photos in rows, of which only those near the screen are in the page, so ten thousand scroll as ten.
//
// A photo is {id, width, height, thumbnail, preview, placeholder, label, tags: [{text, icon, kind}], mark, stack}. Tells "open" with
// the index of a photo, and "near-end" when the reader comes near the last one. Arrows, Home and End move, Enter opens.

import { el, icon } from "../elements.js";
import { placeholder } from "./placeholder.js";
import { inRows, rowsBetween, tileBeside } from "./rows.js";

const SCREENS_AROUND = 1;
const THUMBNAIL_PX = 320;
const PREVIEW_PX = 1600;
/** Heights of rows on phones and elsewhere: `size="large"` for few photos, the usual for many. */
const SIZES = { usual: [132, 240], large: [250, 340] };

class Grid extends HTMLElement {
  #photos = [];
  #layout = { tiles: [], rows: [], height: 0 };
  #shown = new Map();
  #current = 0;
  #frame = 0;
  #width = 0;

  connectedCallback() {
    this.setAttribute("role", "list");
    this.setAttribute("aria-label", this.getAttribute("label") ?? "");
    this.addEventListener("keydown", (event) => this.#move(event));
    this.addEventListener("click", (event) => this.#open(event));
    this.addEventListener("focusin", (event) => this.#focused(event));
    this.ended = new AbortController();
    addEventListener("scroll", () => this.#soon(), { passive: true, signal: this.ended.signal });
    this.sizes = new ResizeObserver(() => {
      if (this.clientWidth !== this.#width) this.#arrange();
      else this.#soon();
    });
    this.sizes.observe(this);
    this.#arrange();
  }

  disconnectedCallback() {
    this.ended.abort();
    this.sizes.disconnect();
  }

  get photos() {
    return this.#photos;
  }

  /** The photos; those whose `id` was shown before keep their pictures, so nothing flickers. */
  set photos(photos) {
    const before = new Map([...this.#shown].map(([index, tile]) => [this.#photos[index].id, tile]));
    this.#photos = photos;
    this.#shown = new Map();
    this.#current = Math.min(this.#current, Math.max(photos.length - 1, 0));
    photos.forEach((photo, index) => {
      const tile = before.get(photo.id);
      if (tile === undefined) return;
      before.delete(photo.id);
      this.#shown.set(index, tile);
      this.#fill(tile, photo, index);
    });
    for (const tile of before.values()) tile.remove();
    this.#arrange();
  }

  /** Draw photo `index` again after its label, tags or mark changed. */
  update(index) {
    const tile = this.#shown.get(index);
    if (tile !== undefined) this.#fill(tile, this.#photos[index], index);
  }

  /** Move the focus to a photo, for example after the full screen was closed. */
  focusPhoto(index) {
    this.#current = index;
    const { y, h } = this.#layout.tiles[index];
    const top = this.getBoundingClientRect().top + y;
    if (top < 0 || top + h > innerHeight) scrollBy({ top: top - (innerHeight - h) / 2 });
    this.#render();
    this.#shown.get(index).firstChild.focus({ preventScroll: true });
  }

  #arrange() {
    this.#width = this.clientWidth;
    if (this.#width === 0) return;
    const narrow = this.#width < 640;
    const [small, usual] = SIZES[this.getAttribute("size") ?? "usual"];
    const rowHeight = narrow ? small : usual;
    const shapes = this.#photos.map((photo) => photo.width / photo.height);
    this.#layout = inRows(shapes, this.#width, { rowHeight, gap: narrow ? 4 : 8 });
    this.style.setProperty("height", `${this.#layout.height}px`);
    for (const [index, tile] of this.#shown) this.#place(tile, index);
    this.#render();
  }

  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#render();
    });
  }

  #render() {
    const { rows, height } = this.#layout;
    const top = -this.getBoundingClientRect().top;
    const around = innerHeight * SCREENS_AROUND;
    const visible = rowsBetween(rows, top - around, top + innerHeight + around);
    const first = rows[visible.first]?.first ?? 0;
    const last = visible.last < visible.first ? -1 : rows[visible.last].last;
    const focused = this.contains(document.activeElement) ? this.#current : -1;
    for (const [index, tile] of this.#shown) {
      if ((index < first || index > last) && index !== focused) {
        tile.remove();
        this.#shown.delete(index);
      }
    }
    for (let index = first; index <= last; index++) {
      if (!this.#shown.has(index)) this.#add(index);
    }
    const stop = this.#shown.get(this.#current) ?? this.#shown.values().next().value;
    for (const tile of this.#shown.values()) tile.firstChild.tabIndex = tile === stop ? 0 : -1;
    if (height > 0 && top + innerHeight > height - 2 * innerHeight) this.dispatchEvent(new CustomEvent("near-end"));
  }

  #add(index) {
    const tile = el("div", { class: "tile", role: "listitem" }, el("button", { type: "button" }));
    this.#shown.set(index, tile);
    this.#fill(tile, this.#photos[index], index);
    this.#place(tile, index);
    const after = this.#shown.get(index + 1);
    this.insertBefore(tile, after?.parentNode === this ? after : null);
  }

  #place(tile, index) {
    const { x, y, w, h } = this.#layout.tiles[index];
    tile.style.setProperty("transform", `translate(${x}px, ${y}px)`);
    tile.style.setProperty("width", `${w}px`);
    tile.style.setProperty("height", `${h}px`);
    const picture = tile.querySelector("img");
    if (picture !== null) picture.sizes = `${Math.ceil(w)}px`;
  }

  #fill(tile, photo, index) {
    tile.setAttribute("aria-posinset", index + 1);
    tile.setAttribute("aria-setsize", this.#photos.length);
    tile.dataset.index = index;
    const button = tile.firstChild;
    button.setAttribute("aria-label", [photo.label, ...(photo.tags ?? []).map((tag) => tag.text)].join(", "));
    let frame = button.querySelector(".frame");
    if (frame?.dataset.id !== photo.id) {
      frame?.remove();
      frame = el("span", { class: "frame" }, placeholder(photo.placeholder), pictureOf(photo));
      frame.dataset.id = photo.id;
      button.prepend(frame);
    }
    button.querySelector(".badges")?.remove();
    const badges = (photo.tags ?? []).map((tag) =>
      el("span", { class: `badge ${tag.kind ?? ""}` }, tag.icon ? icon(tag.icon) : null, tag.short ?? null),
    );
    if (photo.stack > 1) badges.push(el("span", { class: "badge" }, icon("pictures"), String(photo.stack)));
    if (photo.mark) badges.push(el("span", { class: "badge love" }, icon("heart-full")));
    if (badges.length > 0) button.append(el("span", { class: "badges" }, ...badges));
  }

  #open(event) {
    const tile = event.target.closest(".tile");
    if (tile !== null) this.dispatchEvent(new CustomEvent("open", { detail: Number(tile.dataset.index) }));
  }

  #focused(event) {
    const tile = event.target.closest(".tile");
    if (tile !== null) this.#current = Number(tile.dataset.index);
  }

  #move(event) {
    const last = this.#photos.length - 1;
    const at = this.#current;
    const next = {
      ArrowLeft: () => Math.max(at - 1, 0),
      ArrowRight: () => Math.min(at + 1, last),
      ArrowUp: () => tileBeside(this.#layout, at, -1),
      ArrowDown: () => tileBeside(this.#layout, at, 1),
      Home: () => 0,
      End: () => last,
    }[event.key];
    if (next === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.focusPhoto(next());
  }
}

/** The picture of a photo, in the size that its place needs; it fades in over its placeholder. */
function pictureOf(photo) {
  const { thumbnail, preview } = photo;
  if (!thumbnail && !preview) return icon("picture");
  const picture = el("img", { alt: "", decoding: "async", draggable: "false" });
  picture.addEventListener("load", () => picture.classList.add("loaded"));
  if (thumbnail && preview) picture.srcset = `${thumbnail} ${THUMBNAIL_PX}w, ${preview} ${PREVIEW_PX}w`;
  else picture.src = thumbnail ?? preview;
  return picture;
}

customElements.define("pf-grid", Grid);

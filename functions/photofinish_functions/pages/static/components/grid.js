// <pf-grid label="…" size="large">: photos in rows, of which only those near the screen are in the page, so ten thousand scroll as ten.
//
// A photo is {id, width, height, thumbnail, preview, placeholder, label, tags: [{text, icon, kind}], mark, stack, film}. Tells "open" with
// the index of a photo, "shown" with the first and the last one that are in the page now, and "near-end" when the reader comes near
// the last one. Arrows, Home and End move, Enter opens.

import { el, icon } from "../elements.js";
import { clock } from "./film_times.js";
import { blurUp } from "./placeholder.js";
import { Rows, rowsBetween, tileBeside } from "./rows.js";

const SCREENS_AROUND = 1;
const SLICE_MS = 6; // of a frame, for photos that come into it: the others come in the next frames
const FEWEST_A_FRAME = 3;
const THUMBNAIL_PX = 320;
const PREVIEW_PX = 1600;
/** Heights of rows on phones and elsewhere: `size="large"` for few photos, the usual for many. */
const SIZES = { usual: [132, 240], large: [250, 340] };

class Grid extends HTMLElement {
  #photos = [];
  #layout = new Rows(0, { rowHeight: 1, gap: 0 });
  #shown = new Map();
  #range = { first: 0, last: -1 };
  #current = 0;
  #stop = null;
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

  /** More photos, below those that are there: as quick with ten thousand above as with none. */
  more(photos) {
    this.#photos.push(...photos);
    for (const tile of this.#shown.values()) tile.setAttribute("aria-setsize", this.#photos.length);
    if (this.#width === 0) return this.#arrange();
    this.#layout.append(photos.map(shapeOf));
    for (const [index, tile] of this.#shown) this.#place(tile, index);
    this.style.setProperty("height", `${this.#layout.height}px`);
    return this.#soon();
  }

  /** The first and the last photo that are in the page now. */
  get range() {
    return this.#range;
  }

  /** Draw photo `index` again after its label, tags, mark or links changed. */
  update(index) {
    const tile = this.#shown.get(index);
    if (tile !== undefined) this.#fill(tile, this.#photos[index], index);
  }

  /** Move the focus to a photo, for example after the full screen was closed. */
  focusPhoto(index) {
    this.#current = index;
    const { y, h } = this.#layout.tiles[index];
    const top = this.getBoundingClientRect().top + y;
    if (top < 0 || top + h > innerHeight) scrollBy({ top: top - (innerHeight - h) / 2, behavior: "instant" });
    if (!this.#shown.has(index)) this.#add(index);
    this.#render();
    this.#shown.get(index).firstChild.focus({ preventScroll: true });
  }

  #arrange() {
    this.#width = this.clientWidth;
    if (this.#width === 0) return;
    const narrow = this.#width < 640;
    const [small, usual] = SIZES[this.getAttribute("size") ?? "usual"];
    this.#layout = new Rows(this.#width, { rowHeight: narrow ? small : usual, gap: narrow ? 4 : 8 });
    this.#layout.append(this.#photos.map(shapeOf));
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
    const { height } = this.#layout;
    const top = -this.getBoundingClientRect().top;
    const around = innerHeight * SCREENS_AROUND;
    const { first, last } = this.#between(top - around, top + innerHeight + around);
    if (first !== this.#range.first || last !== this.#range.last) {
      this.#range = { first, last };
      this.dispatchEvent(new CustomEvent("shown", { detail: this.#range }));
    }
    const focused = this.contains(document.activeElement) ? this.#current : -1;
    for (const [index, tile] of this.#shown) {
      if ((index < first || index > last) && index !== focused) {
        tile.remove();
        this.#shown.delete(index);
      }
    }
    // Those on the screen first.
    const seen = this.#between(top, top + innerHeight);
    const until = performance.now() + SLICE_MS;
    let [added, isLate] = [0, false];
    for (const [from, to] of [[seen.first, seen.last], [seen.last + 1, last], [first, seen.first - 1]]) {
      for (let index = from; index <= to && !isLate; index++) {
        if (this.#shown.has(index)) continue;
        this.#add(index);
        added += 1;
        isLate = added >= FEWEST_A_FRAME && performance.now() > until;
      }
    }
    if (isLate) this.#soon();
    this.#setStop();
    if (height > 0 && top + innerHeight > height - 2 * innerHeight) this.dispatchEvent(new CustomEvent("near-end"));
  }

  /** The first and the last photo of the rows between two heights. */
  #between(from, to) {
    const { rows } = this.#layout;
    const { first, last } = rowsBetween(rows, from, to);
    return last < first ? { first: 0, last: -1 } : { first: rows[first].first, last: rows[last].last };
  }

  /** The one photo that the Tab key stops at. */
  #setStop() {
    const stop = (this.#shown.get(this.#current) ?? this.#shown.values().next().value)?.firstChild ?? null;
    if (stop === this.#stop) return;
    if (this.#stop !== null) this.#stop.tabIndex = -1;
    if (stop !== null) stop.tabIndex = 0;
    this.#stop = stop;
  }

  #add(index) {
    const tile = el("div", { class: "tile", role: "listitem" }, el("button", { type: "button", tabindex: "-1" }));
    // In the order of the photos, so that Tab and screen readers go on to the next one.
    const next = Math.min(...[...this.#shown.keys()].filter((one) => one > index));
    this.#shown.set(index, tile);
    this.#fill(tile, this.#photos[index], index);
    this.#place(tile, index);
    this.insertBefore(tile, this.#shown.get(next) ?? null);
  }

  #place(tile, index) {
    const { x, y, w, h } = this.#layout.tiles[index];
    const place = `${x} ${y} ${w} ${h}`;
    if (tile.place === place) return;
    tile.place = place;
    for (const [name, value] of Object.entries({ left: x, top: y, width: w, height: h })) tile.style.setProperty(name, `${value}px`);
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
    const isThere = frame?.dataset.id === photo.id && (frame.dataset.picture === String(photo.thumbnail) || frame.querySelector("img.loaded") !== null);
    if (!isThere) {
      frame?.remove();
      frame = frameOf(photo, this.#layout.tiles[index]?.w);
      button.prepend(frame);
    }
    button.querySelector(".badges")?.remove();
    const badges = (photo.tags ?? []).map((tag) =>
      el("span", { class: `badge ${tag.kind ?? ""}` }, tag.icon ? icon(tag.icon) : null, tag.short ?? null),
    );
    if (photo.film) badges.unshift(el("span", { class: "badge film" }, icon("play"), clock(photo.film.duration_s)));
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
    if (tile === null) return;
    this.#current = Number(tile.dataset.index);
    this.#setStop();
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

const shapeOf = (photo) => photo.width / photo.height;

/** A photo's placeholder, and its picture in the size that its place of `width` pixels needs. */
function frameOf({ id, thumbnail, preview, placeholder }, width) {
  const hasPicture = thumbnail || preview;
  const picture = hasPicture ? el("img", { alt: "", decoding: "async", draggable: "false" }) : null;
  const frame = el("span", { class: "frame" }, picture ?? icon("picture"));
  Object.assign(frame.dataset, { id, picture: thumbnail });
  blurUp(frame, placeholder, picture);
  if (thumbnail && preview) {
    if (width !== undefined) picture.sizes = `${Math.ceil(width)}px`;
    picture.srcset = `${thumbnail} ${THUMBNAIL_PX}w, ${preview} ${PREVIEW_PX}w`;
  } else if (hasPicture) picture.src = hasPicture;
  return frame;
}

customElements.define("pf-grid", Grid);

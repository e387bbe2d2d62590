// A grid of any number of photos: only those in sight are in the document. Arrows move, Enter opens.

import { clock, spoken } from "../../components/film_times.js";
import { blurUp } from "../../components/placeholder.js";
import { el, icon } from "../../elements.js";
import { language, t } from "../../messages.js";
import { baseName, below } from "../formats.js";
import { addressOf } from "../router.js";

const GAP_PX = 6;
const TILE_PX = 210;
const RATIO = 2 / 3;
const ROWS_AROUND = 3;

export class Grid {
  #tiles = new Map();
  #columns = 1;
  #width = TILE_PX;
  #height = TILE_PX * RATIO;
  #focused = 0;
  #isDue = false;

  /** `feed` is read as far as the reader scrolls; `failed(error)` is told what went wrong. */
  constructor(feed, { signal, failed, query }) {
    Object.assign(this, { feed, failed, query });
    this.element = el("ul", { class: "grid", "aria-label": t("section_photos") });
    this.element.addEventListener("keydown", (event) => this.#move(event));
    this.element.addEventListener("focusin", (event) => (this.#focused = Number(event.target.closest("li")?.dataset.index ?? this.#focused)));
    window.addEventListener("scroll", () => this.#soon(), { passive: true, signal });
    const sized = new ResizeObserver(() => this.#soon());
    sized.observe(this.element);
    signal.addEventListener("abort", () => sized.disconnect());
  }

  /** Show what the feed has now. */
  draw() {
    const { photos, isComplete } = this.feed;
    const available = this.element.clientWidth;
    if (available === 0) return;
    this.#columns = Math.max(2, Math.floor((available + GAP_PX) / (TILE_PX + GAP_PX)));
    this.#width = (available - GAP_PX * (this.#columns - 1)) / this.#columns;
    this.#height = Math.round(this.#width * RATIO);
    const rows = Math.ceil(photos.length / this.#columns) + (isComplete ? 0 : 2);
    this.element.style.height = `${rows * (this.#height + GAP_PX)}px`;
    const [from, to] = this.#inSight();
    for (const [index, tile] of this.#tiles) {
      if (index >= from && index < to) continue;
      tile.remove();
      this.#tiles.delete(index);
    }
    for (let index = from; index < Math.min(to, photos.length); index += 1) this.#place(index);
    if (!isComplete && to + 2 * (to - from) > photos.length) this.#more();
  }

  /** Scroll to a photo and give it the focus. */
  focus(index) {
    this.#focused = index;
    const top = this.element.getBoundingClientRect().top + window.scrollY + Math.floor(index / this.#columns) * (this.#height + GAP_PX);
    if (top < window.scrollY + 120 || top + this.#height > window.scrollY + innerHeight) window.scrollTo({ top: top - innerHeight / 3 });
    this.draw();
    this.#tiles.get(index)?.querySelector("a").focus({ preventScroll: true });
  }

  #more() {
    this.feed.more().then(
      () => this.draw(),
      (error) => error.name !== "AbortError" && this.failed(error),
    );
  }

  #soon() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.draw();
    });
  }

  #inSight() {
    const top = -this.element.getBoundingClientRect().top;
    const row = this.#height + GAP_PX;
    const first = Math.max(0, Math.floor(top / row) - ROWS_AROUND);
    const last = Math.max(0, Math.ceil((top + innerHeight) / row) + ROWS_AROUND);
    return [first * this.#columns, last * this.#columns];
  }

  #place(index) {
    let tile = this.#tiles.get(index);
    if (tile === undefined) {
      tile = this.#tile(index);
      this.#tiles.set(index, tile);
      // In the order of the photos, so that Tab and screen readers go on to the next one.
      const next = Math.min(...[...this.#tiles.keys()].filter((one) => one > index));
      this.element.insertBefore(tile, this.#tiles.get(next) ?? null);
    }
    const left = (index % this.#columns) * (this.#width + GAP_PX);
    const top = Math.floor(index / this.#columns) * (this.#height + GAP_PX);
    const place = { left, top, width: this.#width, height: this.#height };
    const key = Object.values(place).join(" ");
    if (tile.place === key) return; // scrolling moves none
    tile.place = key;
    for (const [name, value] of Object.entries(place)) tile.style.setProperty(name, `${value}px`);
  }

  #tile(index) {
    const photo = this.feed.photos[index];
    const { album, photo_id: id } = photo.photo;
    const href = addressOf({ album, view: "photos", id, query: this.query });
    const picture = this.#picture(photo, index);
    const link = el("a", { href }, picture, labels(photo));
    blurUp(link, photo.placeholder, picture instanceof HTMLImageElement ? picture : null);
    return el("li", { "data-index": index, "aria-posinset": index + 1, "aria-setsize": this.feed.isComplete ? this.feed.photos.length : -1 }, link);
  }

  #picture(photo, index) {
    const link = () => (photo.renditions.thumbnail ?? photo.renditions.preview)?.url;
    if (link() === undefined) return el("span", { class: "no-picture" }, icon(photo.status === "rejected" || photo.status === "failed" ? "warning" : "picture"));
    const image = el("img", { alt: baseName(photo.photo.name), decoding: "async", src: link() });
    image.addEventListener("error", async () => {
      if (await this.feed.renew(index).catch(() => false)) image.src = link();
    });
    return image;
  }

  #move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.#columns, ArrowUp: -this.#columns }[event.key];
    if (step === undefined) return;
    const index = this.#focused + step;
    if (index < 0 || index >= this.feed.photos.length) return;
    event.preventDefault();
    this.focus(index);
  }
}

/** Of near duplicates: which is the best of how many. */
function burstTag({ burst, photo }) {
  const isBest = burst.photo_ids[0] === photo.photo_id;
  return el("span", { class: `tag mini ${isBest ? "good" : ""}`, text: isBest ? t("best_of", { count: burst.size }) : t("near_duplicate") });
}

function filmTag({ duration_s: lasts_s }) {
  return el("span", { class: "tag mini", role: "img", "aria-label": t("video_of", { duration: spoken(lasts_s, language) }) }, icon("play"), clock(lasts_s));
}

function labels(photo) {
  const tags = photo.bibs.slice(0, 3).map((bib) => el("span", { class: `tag mini ${bib.by_hand ? "accent" : ""}`, text: bib.number }));
  if (photo.video !== null) tags.unshift(filmTag(photo.video));
  if (photo.bibs.length > 3) tags.push(el("span", { class: "tag mini", text: `+${photo.bibs.length - 3}` }));
  if (photo.sharpness?.is_blurry) tags.push(el("span", { class: "tag mini warn", text: t("blurry") }));
  if (photo.burst) tags.push(burstTag(photo));
  if (photo.duplicate_of) tags.push(el("span", { class: "tag mini", text: t("duplicate") }));
  if (["rejected", "failed"].includes(photo.status)) tags.push(el("span", { class: "tag mini bad", text: t(`status_${photo.status}`) }));
  if (["queued", "processing"].includes(photo.status)) tags.push(el("span", { class: "tag mini", text: t("status_queued") }));
  const name = photo.renditions.preview === null ? el("span", { class: "tile-name", text: below(photo.photo) }) : null;
  return el("span", { class: "labels" }, name, ...tags);
}

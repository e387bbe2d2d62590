// All photos of the album, for those who may see them: pages are fetched as the reader comes near the end, and the links to pictures
// anew where they are about to end and are looked at.

import "../components/grid.js";
import { toast } from "../components/toast.js";
import { albumPath, call } from "./api.js";
import { whenNeeded } from "./parts.js";
import { linksEnd, listed } from "./photos.js";

const FIRST_PAGE = 60; // what a screen or two show: they are there at once
const PAGE = 200;
const RENEW_BEFORE_MS = 120_000;
const AGAIN_MS = 10_000; // a page is asked for again, where that failed or took long

export class Browse {
  /** Of each page where it begins, how to ask for it again, and when its links end. */
  #pages = [];
  #next = null;
  #isComplete = false;
  #loading = false;
  #grid = document.getElementById("all-grid");
  #context;

  constructor(context) {
    this.#context = { ...context, renewed: (photo) => this.#renewed(photo) };
    document.getElementById("all").hidden = context.page.finding !== null;
    this.#grid.addEventListener("near-end", () => this.#more());
    this.#grid.addEventListener("shown", () => this.renewLinks());
    this.#grid.addEventListener("open", async ({ detail }) => {
      const view = await whenNeeded(() => import("./photo-view.js"));
      view?.viewPhotos(this.#grid, detail, this.#context);
    });
    context.favourites.addEventListener("change", () => this.#mark());
    this.#more();
  }

  /** The album has more photos than before: read its last page again. */
  async grew() {
    if (!this.#isComplete || this.#loading) return;
    const last = this.#pages.pop();
    this.#grid.photos = this.#grid.photos.slice(0, last?.from ?? 0);
    this.#next = last?.cursor ?? null;
    this.#isComplete = false;
    await this.#more();
  }

  /** Get new links to the pictures near the screen if theirs are about to end; the others wait until they are looked at. */
  async renewLinks() {
    const { first, last } = this.#grid.range;
    const now = Date.now();
    const isDue = (page) => page.from <= last && page.to > first && page.ends - now < RENEW_BEFORE_MS && !(page.notBefore > now);
    await Promise.all(this.#pages.filter(isDue).map((page) => this.#renew(page)));
  }

  async #more() {
    if (this.#loading || this.#isComplete) return;
    this.#loading = true;
    try {
      const { photos: held } = this.#grid;
      const page = { cursor: this.#next, limit: held.length === 0 ? FIRST_PAGE : PAGE, from: held.length };
      const { photos, next_cursor: next } = await this.#fetch(page);
      Object.assign(page, { to: page.from + photos.length, ends: linksEnd(photos) });
      this.#pages.push(page);
      this.#next = next;
      this.#isComplete = next === null;
      this.#grid.more(photos.map((source) => listed(source, this.#context.favourites)));
    } catch (problem) {
      toast(problem.sentence ?? String(problem));
    }
    this.#loading = false;
  }

  async #renew(page) {
    page.notBefore = Date.now() + AGAIN_MS;
    let photos;
    try {
      ({ photos } = await this.#fetch(page));
    } catch (problem) {
      if (problem.sentence === undefined) throw problem;
      return; // it is tried again later
    }
    // Photos may have come or gone meanwhile: links go to the photos they belong to.
    const sources = new Map(photos.map((source) => [source.photo.photo_id, source]));
    for (let index = page.from; index < page.to; index++) {
      const photo = this.#grid.photos[index];
      if (sources.has(photo.id)) photo.relink(sources.get(photo.id));
      this.#grid.update(index);
    }
    page.ends = linksEnd(photos);
  }

  /** A new link to the picture of a photo; null if it has none. */
  async #renewed({ id, preview }) {
    const index = this.#grid.photos.findIndex((photo) => photo.id === id);
    const page = this.#pages.find(({ from, to }) => index >= from && index < to);
    if (page === undefined) return null;
    await this.#renew(page);
    const link = this.#grid.photos[index].preview;
    return link === preview ? null : link;
  }

  #fetch({ cursor, limit }) {
    const query = new URLSearchParams({ status: "done", limit });
    if (cursor !== null) query.set("cursor", cursor);
    return call("GET", `${albumPath(this.#context.album)}/photos?${query}`);
  }

  /** Mark the photos that the reader likes now. */
  #mark() {
    for (const [index, photo] of this.#grid.photos.entries()) {
      const mark = this.#context.favourites.has(photo.id);
      if (photo.mark === mark) continue;
      photo.mark = mark;
      this.#grid.update(index);
    }
  }
}

// The photos of a filter, read page by page as they are needed, with links that are renewed before they expire.

import { albumPath, api } from "../api.js";

const FIRST_PAGE = 30; // what a screen shows: a filter answers at once
const PAGE = 100;
const LINKS_LAST_MS = 13 * 60 * 1000; // they are signed for 15 minutes

export class Feed {
  #next = undefined;
  #loading = null;
  #pages = [];
  #renewing = new Set();

  constructor(album, filter, signal) {
    Object.assign(this, { album, filter, signal, photos: [], isComplete: false });
  }

  /** Read the next page; one at a time. */
  more() {
    if (this.isComplete) return Promise.resolve();
    this.#loading ??= this.#read().finally(() => (this.#loading = null));
    return this.#loading;
  }

  /** Renew the links around the photo at `index` if they are old; tells whether they were. */
  async renew(index) {
    const page = this.#pages.find((one) => index >= one.from && index < one.to);
    if (page === undefined || performance.now() - page.at < LINKS_LAST_MS || this.#renewing.has(page)) return false;
    this.#renewing.add(page);
    try {
      const { photos } = await this.#ask(page.cursor, page.limit);
      // Photos may have come or gone meanwhile: links go to the photos they belong to.
      const links = new Map(photos.map((one) => [one.photo.photo_id, one.renditions]));
      for (const photo of this.photos.slice(page.from, page.to)) photo.renditions = links.get(photo.photo.photo_id) ?? photo.renditions;
      page.at = performance.now();
    } finally {
      this.#renewing.delete(page);
    }
    return true;
  }

  /** Where the photo with this id is; -1: it is not among those that were read. */
  indexOf(photoId) {
    return this.photos.findIndex((one) => one.photo.photo_id === photoId);
  }

  /** Leave a photo out that was erased. */
  remove(photoId) {
    const index = this.indexOf(photoId);
    if (index < 0) return;
    this.photos.splice(index, 1);
    for (const page of this.#pages) {
      if (page.from > index) page.from -= 1;
      if (page.to > index) page.to -= 1;
    }
  }

  async #read() {
    const limit = this.#pages.length === 0 ? FIRST_PAGE : PAGE;
    const cursor = this.#next;
    const page = await this.#ask(cursor, limit);
    this.#pages.push({ cursor, limit, from: this.photos.length, to: this.photos.length + page.photos.length, at: performance.now() });
    this.photos.push(...page.photos);
    this.#next = page.next_cursor;
    this.isComplete = page.next_cursor === null;
  }

  #ask(cursor, limit) {
    return api("GET", albumPath(this.album, "photos"), { query: { ...this.filter, limit, cursor }, signal: this.signal });
  }
}

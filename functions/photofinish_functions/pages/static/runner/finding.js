// One search of the reader's: all its pages, and the same again when new photos came.

import { albumPath, call } from "./api.js";

const PAGE = 200;
const MOST = 2000;

/** A search by selfie, number or both; it keeps the selfie in memory only, to search again. */
export class Finding {
  constructor(album, { selfie, bib }) {
    this.album = album;
    this.selfie = selfie;
    this.bib = bib;
  }

  /** Every found photo, best first. Raises Problem. */
  async photos(signal) {
    const found = [];
    let cursor = null;
    do {
      const answer = await this.#page(cursor, signal);
      found.push(...answer.photos);
      cursor = answer.next_cursor;
    } while (cursor !== null && found.length < MOST);
    return found;
  }

  #page(cursor, signal) {
    const query = { limit: PAGE, collapse: "bursts" };
    if (this.bib !== null) query.bib = this.bib;
    if (cursor !== null) query.cursor = cursor;
    const path = `${albumPath(this.album)}/search`;
    if (this.selfie === null) return call("POST", path, { json: query, signal });
    const form = new FormData();
    form.append("query", new Blob([JSON.stringify(query)], { type: "application/json" }), "query.json");
    form.append("selfie", this.selfie, "selfie.jpg");
    return call("POST", path, { form, signal });
  }
}

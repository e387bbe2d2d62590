// All photos of the album, for those who may see them: pages are fetched as the reader comes near the end.

import "../components/grid.js";
import { toast } from "../components/toast.js";
import { albumPath, call } from "./api.js";
import { linksEnd, shown } from "./photos.js";
import { viewPhotos } from "./photo-view.js";

const PAGE = 200;

export class Browse {
  #pages = [];
  #cursors = [null];
  #loading = false;
  #grid = document.getElementById("all-grid");
  #context;

  constructor(context) {
    this.#context = context;
    document.getElementById("all").hidden = context.page.finding !== null;
    this.#grid.addEventListener("near-end", () => this.#more());
    this.#grid.addEventListener("open", (event) => viewPhotos(this.#grid, event.detail, context));
    context.favourites.addEventListener("change", () => this.#draw());
    this.#more();
  }

  /** The album has more photos than before: read its last page again. */
  async grew() {
    if (this.#cursors.at(-1) !== null || this.#loading) return;
    this.#cursors.length = Math.max(this.#pages.length, 1);
    this.#pages.pop();
    this.#cursors[this.#pages.length] ??= null;
    await this.#more();
  }

  /** Fetch again the pages whose links to pictures end within `before_ms`. */
  async renewLinks(beforeMs) {
    for (const [at, photos] of this.#pages.entries()) {
      if (photos.length > 0 && linksEnd(photos) - Date.now() < beforeMs) {
        this.#pages[at] = (await this.#fetch(this.#cursors[at])).photos;
        this.#draw();
      }
    }
  }

  async #more() {
    const at = this.#pages.length;
    if (this.#loading || (at > 0 && this.#cursors[at] === null)) return;
    this.#loading = true;
    try {
      const answer = await this.#fetch(this.#cursors[at]);
      this.#pages.push(answer.photos);
      this.#cursors[at + 1] = answer.next_cursor;
      this.#draw();
    } catch (problem) {
      toast(problem.sentence ?? String(problem));
    }
    this.#loading = false;
  }

  #fetch(cursor) {
    const query = new URLSearchParams({ status: "done", limit: PAGE });
    if (cursor !== null) query.set("cursor", cursor);
    return call("GET", `${albumPath(this.#context.album)}/photos?${query}`);
  }

  #draw() {
    const { favourites } = this.#context;
    this.#grid.photos = this.#pages.flat().map((source) => ({ ...shown(source, favourites), tags: [] }));
  }
}

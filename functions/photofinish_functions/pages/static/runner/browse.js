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
    context.favourites.addEventListener("change", () => this.#mark());
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
      if (photos.length > 0 && linksEnd(photos.map(({ source }) => source)) - Date.now() < beforeMs) {
        this.#pages[at] = this.#shown(await this.#fetch(this.#cursors[at]));
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
      this.#pages.push(this.#shown(answer));
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

  /** A page's photos as the grid takes them: made once, because a label of ten thousand photos takes a tenth of a second. */
  #shown({ photos }) {
    return photos.map((source) => ({ ...shown(source, this.#context.favourites), tags: [] }));
  }

  #draw() {
    this.#grid.photos = this.#pages.flat();
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

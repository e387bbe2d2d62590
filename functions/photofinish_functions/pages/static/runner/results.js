// What was found of the reader: photos that are surely hers, then those that may be; likes, downloads, "tell me".

import "../components/grid.js";
import { toast } from "../components/toast.js";
import { el, icon } from "../elements.js";
import { counted, t } from "../messages.js";
import { allowedSize, downloadAll, mayDownload } from "./downloads.js";
import { isMaybe, shown, unfolded } from "./photos.js";
import { viewPhotos } from "./photo-view.js";
import { offersMail, tellMeButton } from "./tell-me.js";

const byId = (id) => document.getElementById(id);

export class Results {
  #context;
  #searchAgain;
  #grids = new Map();
  #onlyLiked = false;
  #found = [];

  /** `findNew()` searches again with what is known, and shows what it found. */
  constructor({ album, favourites, page, searchAgain, findNew }) {
    this.#context = { album, favourites, page, renewed: (photo) => this.#renewed(photo, findNew) };
    this.#searchAgain = searchAgain;
    offersMail(album).then((isOffered) => {
      page.offersMail = isOffered;
      if (!this.isHidden) this.#draw();
    });
    favourites.addEventListener("change", () => {
      if (!this.isHidden) this.#draw();
    });
  }

  get isHidden() {
    return byId("results").hidden;
  }

  /** Show found photos; `isNew`: of another search, so the reader is led to them. */
  show(found, { isNew = false } = {}) {
    this.#found = found;
    if (isNew) {
      this.#onlyLiked = false;
      this.#grids.clear();
      byId("results-body").replaceChildren();
    }
    byId("hero").hidden = true;
    byId("all").hidden = true;
    byId("results").hidden = false;
    this.#draw();
    if (!isNew) return;
    scrollTo({ top: 0 });
    byId("results-title").focus({ preventScroll: true });
  }

  hide() {
    if (this.isHidden) return;
    byId("results").hidden = true;
    byId("hero").hidden = false;
    if (this.#context.page.may === "browse") byId("all").hidden = false;
    byId("find-title").scrollIntoView({ block: "center" });
  }

  #draw() {
    const { favourites } = this.#context;
    const photos = this.#found.map((source) => shown(source, favourites));
    const kept = this.#onlyLiked ? photos.filter((photo) => photo.mark) : photos;
    const sure = kept.filter((photo) => !isMaybe(photo.source));
    const maybe = kept.filter((photo) => isMaybe(photo.source));
    byId("results-album").textContent = this.#context.page.about.title ?? this.#context.album;
    byId("results-title").textContent = photos.length === 0 ? t("nothing_found_title") : counted("photos_of_you", unfolded(photos, favourites).length);
    byId("results-meta").textContent = photos.length === 0 ? "" : t("results_order");
    this.#actions(unfolded(kept, favourites));
    this.#section("sure", null, sure);
    this.#section("maybe", t("maybe_title"), maybe);
    this.#empty(photos, kept);
  }

  /** A new link to the picture of a photo; null if there is none. */
  async #renewed({ id, preview }, findNew) {
    await findNew();
    const sources = this.#found.flatMap((source) => [source, ...(source.burst?.photos ?? [])]);
    const link = sources.find((source) => source.photo.photo_id === id)?.renditions.preview?.url ?? null;
    return link === preview ? null : link;
  }

  #section(name, title, photos) {
    let section = this.#grids.get(name);
    if (photos.length === 0) {
      section?.node.remove();
      this.#grids.delete(name);
      return;
    }
    if (section === undefined) {
      const grid = el("pf-grid", { label: title ?? t("your_photos"), size: "large" });
      grid.addEventListener("open", (event) => viewPhotos(grid, event.detail, this.#context));
      const heading = title === null ? [] : [el("h2", { text: title }), el("p", { class: "small soft", text: t("maybe_text") })];
      section = { grid, node: el("div", { class: "found" }, ...heading, grid) };
      this.#grids.set(name, section);
      if (name === "sure") byId("results-body").prepend(section.node);
      else byId("results-body").append(section.node);
    }
    section.grid.photos = photos;
  }

  #empty(photos, kept) {
    byId("results-body").querySelector(".empty")?.remove();
    if (kept.length > 0) return;
    const text = photos.length === 0 ? t("nothing_found_text") : t("no_favourites");
    byId("results-body").append(el("div", { class: "empty" }, icon(photos.length === 0 ? "search" : "heart"), el("p", { text })));
  }

  #actions(kept) {
    const { album, favourites, page } = this.#context;
    const buttons = [el("button", { class: "button", type: "button", on: { click: this.#searchAgain } }, icon("search"), t("search_again"))];
    if (this.#found.some((source) => favourites.has(source.photo.photo_id)) || this.#onlyLiked) {
      const toggle = () => {
        this.#onlyLiked = !this.#onlyLiked;
        this.#draw();
      };
      const name = this.#onlyLiked ? "heart-full" : "heart";
      buttons.push(el("button", { class: "button", type: "button", "aria-pressed": String(this.#onlyLiked), on: { click: toggle } }, icon(name), t("favourites")));
    }
    const tell = tellMeButton(album, page);
    if (tell !== null) buttons.push(tell);
    if (mayDownload(page) && kept.length > 0) buttons.push(this.#downloadButton(album, kept, page));
    byId("results-actions").replaceChildren(...buttons);
  }

  #downloadButton(album, kept, page) {
    const button = el("button", { class: "button primary", type: "button" }, icon("download"), t("download_all", { count: kept.length }));
    button.addEventListener("click", async () => {
      button.setAttribute("aria-busy", "true");
      button.disabled = true;
      try {
        await downloadAll(album, kept, page);
        const isWithoutFilms = allowedSize(page) === "web" && kept.some((photo) => photo.film !== null);
        toast(t(isWithoutFilms ? "zip_has_posters" : "download_started"));
      } catch (problem) {
        toast(problem.sentence ?? String(problem));
      }
      button.removeAttribute("aria-busy");
      button.disabled = false;
    });
    return button;
  }
}

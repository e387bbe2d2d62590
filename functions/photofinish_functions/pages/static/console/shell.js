// The frame around every view: where one is, the sections of an album, who is signed in.

import { el, icon } from "../elements.js";
import { t } from "../messages.js";
import { failure } from "./forms.js";
import { addressOf } from "./router.js";

const SECTIONS = [
  ["overview", "section_overview", "brand", "search"],
  ["upload", "section_upload", "picture", "write"],
  ["photos", "section_photos", "pictures", "search"],
  ["people", "section_people", "face", "search"],
  ["numbers", "section_numbers", "number", "write"],
  ["sharing", "section_sharing", "share", "admin"],
  ["webhooks", "section_webhooks", "bell", "admin"],
  ["settings", "section_settings", "shield", "write"],
  ["activity", "section_activity", "info", "write"],
];
const OF_ALL = [
  ["albums", "albums", "pictures"],
  ["keys", "keys", "lock"],
  ["audit", "audit", "info"],
];
const SCOPES = ["search", "write", "admin"];

/** Whether the signed-in caller may do what needs `scope`. */
export const may = (session, scope) => SCOPES.indexOf(session.scope) >= SCOPES.indexOf(scope);

/** Whether the caller administers the deployment: its keys, its audit. */
export const mayAdminister = (session) => may(session, "admin") && session.albums === null;

/** Builds the frame once, and shows views in it. */
export class Shell {
  #main = document.getElementById("main");
  #nav = el("nav", { class: "sections" });
  #view = el("div", { class: "view" });
  #stop = null;

  constructor(session) {
    this.session = session;
    this.#main.replaceChildren(this.#nav, this.#view);
  }

  /** Show the view that `load()` gives: it answers a title, buttons and elements, and ends what it began by `signal`. */
  async show(place, load) {
    this.#stop?.abort();
    const stop = (this.#stop = new AbortController());
    this.#showSections(place);
    this.#view.replaceChildren(el("div", { class: "skeleton line", role: "img", "aria-label": t("loading") }));
    const draw = async () => {
      try {
        const { title, actions = [], content, isWide = false } = await (await load())(place, { session: this.session, signal: stop.signal });
        if (stop.signal.aborted) return;
        this.#view.classList.toggle("wide", isWide);
        this.#draw(title, actions, content);
      } catch (error) {
        if (stop.signal.aborted) return;
        this.#view.classList.remove("wide");
        this.#draw(t("trouble_title"), [], [failure(error, draw)]);
      }
    };
    window.scrollTo(0, 0);
    await draw();
  }

  #draw(title, actions, content) {
    document.title = `${title} · photofinish`;
    const heading = el("h1", { text: title, tabindex: "-1" });
    this.#view.replaceChildren(el("div", { class: "view-head" }, heading, el("div", { class: "row" }, ...actions)), ...content);
    heading.focus({ preventScroll: true });
  }

  #showSections({ album, view }) {
    const isShown = album !== null || mayAdminister(this.session);
    this.#nav.hidden = !isShown;
    this.#main.classList.toggle("in-album", isShown);
    this.#nav.setAttribute("aria-label", t(album === null ? "administration" : "sections"));
    if (album === null) {
      const links = OF_ALL.map(([section, key, symbol]) =>
        el("a", { href: addressOf({ view: section }), "aria-current": section === view ? "page" : null }, icon(symbol), el("span", { text: t(key) })),
      );
      this.#nav.replaceChildren(...links);
      return;
    }
    const links = SECTIONS.filter(([, , , scope]) => may(this.session, scope)).map(([section, key, symbol]) =>
      el("a", { href: addressOf({ album, view: section }), "aria-current": section === view ? "page" : null }, icon(symbol), el("span", { text: t(key) })),
    );
    this.#nav.replaceChildren(el("a", { class: "up", href: addressOf({}) }, icon("left"), el("span", { text: t("albums") })), el("p", { class: "album-name", text: album }), ...links);
    this.#nav.querySelector("[aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  }
}

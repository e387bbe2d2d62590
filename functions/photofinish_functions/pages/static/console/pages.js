// A list that is read page by page, and begins anew where something changed.

import { el } from "../elements.js";
import { t } from "../messages.js";
import { api } from "./api.js";
import { button, busily, failure } from "./forms.js";

const PAGE = 50;

/** The list `name` of `path`: `row(one, again)` makes an element of each; `query` is the rest of the query. */
export class Pages {
  #cursor = undefined;

  constructor(path, name, query, row, signal) {
    Object.assign(this, { path, name, query, row, signal });
    this.list = el("ul", { class: "plain rows" });
    this.next = button(t("older"), { kind: "quiet", hidden: true, on: { click: () => busily(this.next, () => this.more()) } });
    this.element = el("div", { class: "stack" }, this.list, this.next);
  }

  async more() {
    try {
      const page = await api("GET", this.path, { query: { ...this.query, limit: PAGE, cursor: this.#cursor }, signal: this.signal });
      this.#cursor = page.next_cursor ?? undefined;
      this.next.hidden = page.next_cursor === null;
      this.list.append(...page[this.name].map((one) => this.row(one, () => this.again())));
    } catch (error) {
      if (this.signal.aborted) return;
      if (error.status !== 404) this.list.append(el("li", {}, failure(error)));
    }
    if (this.list.children.length === 0) this.list.append(el("li", { class: "soft", text: t("nothing_happened") }));
  }

  again() {
    this.#cursor = undefined;
    this.list.replaceChildren();
    return this.more();
  }
}

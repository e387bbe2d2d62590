// The people of an album: name, merge by buttons or by dragging one onto another; with an id in the address, one person.

import { confirmed } from "../../components/dialog.js";
import { toast } from "../../components/toast.js";
import { el } from "../../elements.js";
import { counted, t } from "../../messages.js";
import { albumPath, api } from "../api.js";
import { crop } from "../crops.js";
import { button, empty, failure, select } from "../forms.js";
import { addressOf } from "../router.js";
import { may } from "../shell.js";
import { personView } from "./person.js";

const PAGE = 60;
const DRAGGED = "text/x-person";

export async function peopleView(place, context) {
  if (place.id !== null) return personView(place, context);
  const { album } = place;
  const mayWrite = may(context.session, "write");
  const list = new PeopleList(album, mayWrite, context.signal);
  const which = select([["", t("people_all")], ["true", t("people_named")], ["false", t("people_unnamed")]], { "aria-label": t("filters") });
  const name = el("input", { type: "search", placeholder: t("find_name"), "aria-label": t("find_name") });
  const show = () => list.show(name.value.trim() === "" ? { named: which.value } : { name: name.value.trim() });
  which.addEventListener("change", show);
  name.addEventListener("change", show);
  name.addEventListener("search", show);
  await show();
  const hint = mayWrite ? el("p", { class: "soft small", text: t("people_hint") }) : null;
  return { title: t("section_people"), content: [el("div", { class: "filters" }, which, name, list.merge), hint, list.element].filter(Boolean), isWide: true };
}

class PeopleList {
  #query = {};
  #cursor = undefined;
  #chosen = new Map();

  constructor(album, mayWrite, signal) {
    Object.assign(this, { album, mayWrite, signal });
    this.cards = el("ul", { class: "people" });
    this.end = el("div", { class: "row" });
    this.element = el("div", { class: "stack" }, this.cards, this.end);
    this.merge = button(t("merge_chosen"), { kind: "primary", hidden: true, on: { click: () => this.#mergeChosen() } });
    const near = new IntersectionObserver(([entry]) => entry.isIntersecting && this.#more(), { rootMargin: "600px" });
    near.observe(this.end);
    signal.addEventListener("abort", () => near.disconnect());
  }

  async show(query) {
    this.#query = query;
    this.#cursor = undefined;
    this.#chosen.clear();
    this.cards.replaceChildren();
    this.#tellChosen();
    await this.#more(true);
    if (this.cards.children.length === 0) this.cards.replaceChildren(el("li", { class: "whole" }, empty("face", t("no_people_title"), t("no_people_text"))));
  }

  async #more(isFirst = false) {
    if (this.isReading || (!isFirst && (this.#cursor ?? null) === null)) return;
    this.isReading = true;
    try {
      const page = await api("GET", albumPath(this.album, "people"), { query: { ...this.#query, limit: PAGE, cursor: this.#cursor }, signal: this.signal });
      this.#cursor = page.next_cursor;
      this.cards.append(...page.people.map((person) => this.#card(person)));
      this.end.replaceChildren();
    } catch (error) {
      if (isFirst && error.status !== 404) throw error;
      if (!this.signal.aborted && error.status !== 404) this.end.replaceChildren(failure(error, () => this.#more()));
    } finally {
      this.isReading = false;
    }
  }

  #card(person) {
    const title = person.name ?? t("unnamed");
    const picture = person.cover?.renditions.preview ? crop(person.cover.renditions.preview.url, person.cover.box) : el("span", { class: "crop" });
    const numbers = person.bib_numbers.slice(0, 3).map((number) => el("span", { class: "tag mini", text: number }));
    const address = addressOf({ album: this.album, view: "people", id: person.person_id });
    const link = el("a", { href: address, draggable: "false" }, picture, el("span", { class: person.name === null ? "soft" : "person-name", text: title }));
    const facts = el("span", { class: "row person-facts" }, el("span", { class: "soft small", text: counted("faces", person.face_count) }), ...numbers);
    const card = el("li", { class: "person", draggable: this.mayWrite ? "true" : null }, link, facts);
    if (this.mayWrite) this.#makeMergeable(card, person);
    return card;
  }

  #makeMergeable(card, person) {
    const box = el("input", { type: "checkbox", "aria-label": t("choose_person", { name: person.name ?? t("unnamed") }) });
    box.addEventListener("change", () => {
      if (box.checked) this.#chosen.set(person.person_id, person);
      else this.#chosen.delete(person.person_id);
      this.#tellChosen();
    });
    card.prepend(box);
    card.addEventListener("dragstart", (event) => event.dataTransfer.setData(DRAGGED, person.person_id));
    card.addEventListener("dragover", (event) => {
      if (!event.dataTransfer.types.includes(DRAGGED)) return;
      event.preventDefault();
      card.classList.add("over");
    });
    card.addEventListener("dragleave", () => card.classList.remove("over"));
    card.addEventListener("drop", (event) => {
      card.classList.remove("over");
      const other = event.dataTransfer.getData(DRAGGED);
      if (other === "" || other === person.person_id) return;
      event.preventDefault();
      this.#merge(person, [other]);
    });
  }

  #tellChosen() {
    this.merge.hidden = this.#chosen.size < 2;
    this.merge.textContent = counted("merge_chosen", this.#chosen.size);
  }

  /** The named one, or else the one with most faces, stays. */
  #mergeChosen() {
    const [into, ...others] = [...this.#chosen.values()].sort((a, b) => (b.name !== null) - (a.name !== null) || b.face_count - a.face_count);
    return this.#merge(into, others.map((other) => other.person_id));
  }

  async #merge(into, others) {
    const text = counted("merge_text", others.length, { name: into.name ?? t("unnamed") });
    if (!(await confirmed({ title: t("merge_title"), text, yes: t("merge"), no: t("cancel") }))) return;
    const done = [];
    try {
      for (const other of others) {
        const { operation_id: operation } = await api("POST", albumPath(this.album, "people", into.person_id, "merge"), { body: { other } });
        if (operation !== null) done.unshift(operation);
      }
      toast(t("merged"), { label: t("undo"), run: () => this.#undo(done) });
    } catch (error) {
      toast(error.message);
    }
    await this.show(this.#query);
  }

  async #undo(operations) {
    try {
      for (const operation of operations) await api("POST", albumPath(this.album, "people-operations", String(operation), "undo"));
    } catch (error) {
      toast(error.message);
    }
    await this.show(this.#query);
  }
}

// Settings of an album: its card, its policy, the start list; and its end.

import { toast } from "../components/toast.js";
import { el } from "../elements.js";
import { counted, t } from "../messages.js";
import { albumPath, api, pause } from "./api.js";
import { clocksCard } from "./clocks.js";
import { button, busily, choice, field, form, select } from "./forms.js";
import { count } from "./formats.js";
import { saveReceipt } from "./receipts.js";
import { may } from "./shell.js";
import { startListField } from "./start_list_field.js";

const POLL_S = 2;

export async function settingsView({ album }, { session, signal }) {
  const isAdmin = may(session, "admin");
  const [card, policy, rules, clocks] = await Promise.all([
    isAdmin ? api("GET", albumPath(album), { signal }).catch((error) => (error.status === 404 ? {} : Promise.reject(error))) : null,
    isAdmin ? api("GET", albumPath(album, "policy"), { signal }) : null,
    api("GET", albumPath(album, "bib-rules"), { signal }),
    clocksCard(album, signal),
  ]);
  const parts = [numbersCard(album, rules), ...(clocks === null ? [] : [clocks])];
  if (isAdmin) parts.unshift(albumCard(album, card), policyCard(album, policy));
  if (isAdmin) parts.push(eraseCard(album, signal));
  return { title: t("section_settings"), content: [el("div", { class: "settings" }, ...parts)] };
}

const section = (title, ...children) => el("section", { class: "card stack" }, el("h2", { text: title }), ...children);

function albumCard(album, card) {
  const sizes = ["none", "web", "original"].map((size) => [size, t(`downloads_${size}`)]);
  const fields = [
    field(t("album_title"), { name: "title", value: card.title ?? "", maxlength: 200 }),
    el("div", { class: "pair" }, field(t("held_on"), { name: "held_on", type: "date", value: card.held_on ?? "" }), field(t("downloads"), select(sizes, { name: "downloads", value: card.visitors_may_download ?? "web" }))),
    field(t("watermark"), { name: "watermark", value: card.watermark?.text ?? "", maxlength: 60 }, { hint: t("watermark_hint") }),
  ];
  const save = async (values) => {
    const text = values.get("watermark").trim();
    await api("PUT", albumPath(album), {
      body: { title: values.get("title").trim() || null, held_on: values.get("held_on") || null, downloads: values.get("downloads"), watermark: text === "" ? null : { text } },
    });
    toast(t("saved"));
  };
  return section(t("for_visitors"), form(fields, { label: t("save"), save, kind: "" }));
}

function policyCard(album, policy) {
  const options = (name, values) => values.map((value) => [value, t(`${name}_${value}`)]);
  const fields = [
    field(t("indexing"), select(options("indexing", ["everyone", "opt_out", "enrolled_only"]), { name: "indexing", value: policy.indexing })),
    field(t("redact"), select(options("redact", ["none", "without_consent", "everyone"]), { name: "redact", value: policy.redact })),
    field(t("purpose"), { name: "purpose", value: policy.purpose, maxlength: 200 }, { hint: t("purpose_hint") }),
    field(t("ends_on"), { name: "ends_on", type: "date", value: policy.ends_on ?? "" }, { hint: t("ends_on_hint") }),
    choice(t("keep_originals"), { name: "keep_originals", checked: policy.keep_originals }),
  ];
  const save = async (values) => {
    const changed = {
      indexing: values.get("indexing"),
      redact: values.get("redact"),
      purpose: values.get("purpose").trim(),
      ends_on: values.get("ends_on") || null,
      keep_originals: values.has("keep_originals"),
    };
    await api("PUT", albumPath(album, "policy"), { body: { ...policy, ...changed } });
    toast(t("saved"));
  };
  return section(t("policy"), form(fields, { label: t("save"), save, kind: "" }));
}

function numbersCard(album, rules) {
  const list = startListField();
  const known = el("p", { class: "soft", role: "status", text: rules.start_list === null ? t("no_start_list") : counted("entrants", rules.start_list.length) });
  const letters = ["none", "before", "after", "both"].map((where) => [where, t(`letters_${where}`)]);
  const fields = [
    known,
    list.element,
    el(
      "div",
      { class: "pair" },
      field(t("min_digits"), { name: "min_digits", type: "number", min: 1, max: 9, value: rules.min_digits, required: true }),
      field(t("max_digits"), { name: "max_digits", type: "number", min: 1, max: 9, value: rules.max_digits, required: true }),
    ),
    field(t("letters"), select(letters, { name: "letters", value: rules.letters })),
  ];
  const save = async (values) => {
    const wanted = { ...rules, min_digits: Number(values.get("min_digits")), max_digits: Number(values.get("max_digits")), letters: values.get("letters"), start_list: list.entrants() ?? rules.start_list };
    const { rescoring, ...changed } = await api("PUT", albumPath(album, "bib-rules"), { body: wanted });
    Object.assign(rules, changed);
    known.textContent = changed.start_list === null ? t("no_start_list") : counted("entrants", changed.start_list.length);
    let done = rescoring;
    while (done.remaining > 0) {
      known.textContent = t("rescoring_remaining", { remaining: done.remaining });
      done = await api("POST", albumPath(album, "bib-rules", "rescoring"));
    }
    toast(t("rescored", { photos: done.photos, added: done.added, removed: done.removed, changed: done.changed }));
  };
  return section(t("numbers_and_start_list"), form(fields, { label: t("save"), save, kind: "" }));
}

function eraseCard(album, signal) {
  const name = el("input", { name: "name", required: true, autocomplete: "off", spellcheck: "false" });
  const place = el("div", { class: "stack", role: "status" });
  const send = form([field(t("erase_album_confirm", { album }), name), choice(t("with_originals"), { name: "originals" })], {
    label: t("erase_album"),
    kind: "danger",
    save: async (values) => {
      if (values.get("name") !== album) throw new Error(t("erase_album_wrong"));
      const erasure = await api("DELETE", albumPath(album), { query: { originals: values.has("originals") ? "true" : undefined } });
      send.remove();
      followErasure(place, erasure, signal).catch((error) => signal.aborted || place.append(el("p", { class: "notice bad", text: error.message })));
    },
  });
  const known = section(t("erase_album"), el("p", { class: "soft", text: t("erase_album_text") }), send, place);
  known.classList.add("dangerous");
  return known;
}

/** Show what is gone already, until everything is; then the signed receipt. */
async function followErasure(place, erasure, signal) {
  let now = erasure;
  for (;;) {
    const removed = Object.entries(now.removed).flatMap(([store, what]) => Object.entries(what).map(([kind, number]) => el("li", { text: `${store}: ${kind} ${count(number)}` })));
    place.replaceChildren(el("p", { text: t(now.finished_at === null ? "erasing" : "erased_album") }), el("ul", { class: "plain small" }, ...removed));
    if (now.finished_at !== null) break;
    await pause(POLL_S, signal);
    now = await api("GET", `/erasures/${erasure.erasure_id}`, { signal });
  }
  const save = button(t("save_receipt"), { symbol: "download" });
  save.addEventListener("click", () => busily(save, () => saveReceipt(erasure.erasure_id)).catch((error) => toast(error.message)));
  place.append(save);
}

// What happened to an album: its event log, and the changes of people and numbers with who made them, to undo.

import "../components/tabs.js";
import { toast } from "../components/toast.js";
import { el } from "../elements.js";
import { has, t } from "../messages.js";
import { albumPath, api } from "./api.js";
import { auditPages } from "./audit.js";
import { button, busily } from "./forms.js";
import { at, byWhom } from "./formats.js";
import { Pages } from "./pages.js";
import { addressOf } from "./router.js";
import { mayAdminister } from "./shell.js";

export async function activityView({ album }, { session, signal }) {
  const kinds = [
    ["events", t("events"), () => new Pages(albumPath(album, "events"), "events", { order: "newest_first" }, (event) => eventRow(album, event), signal)],
    ["numbers", t("number_changes"), () => new Pages(albumPath(album, "bib-operations"), "operations", {}, (one, again) => numberRow(album, one, again), signal)],
    ["people", t("people_changes"), () => new Pages(albumPath(album, "people-operations"), "operations", {}, (one, again) => peopleRow(album, one, again), signal)],
  ];
  if (mayAdminister(session)) kinds.push(["audit", t("audit"), () => auditPages({ album }, signal)]);
  const tabs = el("pf-tabs", {});
  const list = el("div", { class: "tabs", role: "tablist", "aria-label": t("section_activity") });
  const panels = kinds.map(([kind, title]) => {
    list.append(el("button", { type: "button", role: "tab", id: `tab-${kind}`, "aria-controls": `panel-${kind}`, "aria-selected": String(kind === "events"), text: title }));
    return el("div", { role: "tabpanel", id: `panel-${kind}`, "aria-labelledby": `tab-${kind}`, hidden: kind !== "events" });
  });
  tabs.append(list, ...panels);
  const open = (at) => {
    if (panels[at].childElementCount > 0) return;
    const pages = kinds[at][2]();
    panels[at].append(pages.element);
    return pages.more();
  };
  tabs.addEventListener("change", (event) => open(kinds.findIndex(([kind]) => event.detail === `tab-${kind}`)));
  await open(0);
  return { title: t("section_activity"), content: [tabs] };
}

function eventRow(album, event) {
  const type = event.type.replace("photofinish.", "");
  const key = `event_${type.replaceAll(".", "_")}`;
  const [kind, id] = (event.subject ?? "").split("/");
  const text = has(key) ? t(key) : type;
  const view = { photos: "photos", people: "people" }[kind];
  const what = view === undefined || !id ? el("span", { text }) : el("a", { href: addressOf({ album, view, id }), text });
  return el("li", {}, what, el("span", { class: "soft small", text: at(event.time) }));
}

function numberRow(album, one, again) {
  const text = t(`operation_${one.kind}`, { number: one.number, instead_of: one.instead_of ?? "" });
  const what = el("a", { href: addressOf({ album, view: "photos", id: one.photo.photo_id }), text });
  return row(what, one, one.undone_by === null, albumPath(album, "bib-operations", String(one.operation_id), "undo"), again);
}

function peopleRow(album, one, again) {
  const key = `people_operation_${one.kind}`;
  const what = el("span", { text: has(key) ? t(key) : one.kind });
  return row(what, one, one.is_reversible && one.undone_by === null, albumPath(album, "people-operations", String(one.operation_id), "undo"), again);
}

function row(what, one, canUndo, path, again) {
  const made = el("li", {}, what, el("span", { class: "soft small", text: `${at(one.done_at)} · ${byWhom(one.done_by)}` }));
  if (one.undone_by !== null) made.append(el("span", { class: "tag mini", text: t("undone") }));
  if (!canUndo) return made;
  const undo = button(t("undo"), { kind: "quiet small" });
  undo.addEventListener("click", () => busily(undo, () => api("POST", path).then(again)).catch((error) => toast(error.message)));
  made.append(undo);
  return made;
}

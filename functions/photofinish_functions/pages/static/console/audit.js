// The audit: who did what, where, and with which outcome. For administrators of all albums; the filter is in the address.

import { el } from "../elements.js";
import { t } from "../messages.js";
import { field, form } from "./forms.js";
import { at } from "./formats.js";
import { Pages } from "./pages.js";
import { rename } from "./router.js";

const FILTERS = ["album", "action", "principal_id", "target"];

export async function auditView({ query }, { signal }) {
  const filter = Object.fromEntries(FILTERS.filter((name) => query.get(name)).map((name) => [name, query.get(name)]));
  const place = el("div", {});
  const show = async (wanted) => {
    const pages = auditPages(wanted, signal);
    place.replaceChildren(pages.element);
    await pages.more();
  };
  await show(filter);
  const fields = FILTERS.map((name) => field(t(`audit_${name}`), { name, value: filter[name] ?? "", maxlength: 255, autocomplete: "off", spellcheck: "false" }));
  const search = form([el("div", { class: "pair" }, ...fields.slice(0, 2)), el("div", { class: "pair" }, ...fields.slice(2))], {
    label: t("show"),
    kind: "",
    save: (values) => {
      const wanted = Object.fromEntries([...values].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value !== ""));
      rename({ view: "audit", query: wanted });
      return show(wanted);
    },
  });
  return { title: t("audit"), content: [el("p", { class: "soft", text: t("audit_text") }), el("section", { class: "card" }, search), place] };
}

/** The entries of a filter. */
export const auditPages = (filter, signal) => new Pages("/audit", "entries", filter, entryRow, signal);

function entryRow(entry) {
  const isRefusal = !entry.outcome.startsWith("2") && !entry.outcome.startsWith("3");
  const who = entry.principal === "none" ? t("audit_by_none") : `${t(`audit_by_${entry.principal}`)} ${entry.principal_id}`;
  const facts = [at(entry.at), who, entry.album, entry.target, entry.network, entry.count === null ? null : t("audit_count", { count: entry.count })];
  return el(
    "li",
    {},
    el("strong", { text: entry.action }),
    el("span", { class: "soft small", text: facts.filter(Boolean).join(" · ") }),
    el("span", { class: `tag mini ${isRefusal ? "bad" : ""}`, text: entry.outcome, title: entry.request_id }),
  );
}

// API keys of the deployment: who may call, with which rights, until when. For administrators of all albums.

import { confirmed } from "../components/dialog.js";
import { toast } from "../components/toast.js";
import { el } from "../elements.js";
import { t } from "../messages.js";
import { api } from "./api.js";
import { button, field, form, select } from "./forms.js";
import { at } from "./formats.js";

const SCOPES = ["search", "write", "admin"];
const DAYS = ["30", "90", "365", ""];
const DAY_MS = 24 * 3600 * 1000;

export async function keysView(_, { signal }) {
  const made = el("div", { "aria-live": "polite" });
  const list = el("ul", { class: "plain rows", "aria-label": t("keys") });
  const show = async () => {
    const { keys } = await api("GET", "/keys", { signal });
    list.replaceChildren(...keys.reverse().map((key) => keyRow(key, show)));
  };
  await show();
  const create = createForm((key) => {
    made.replaceChildren(shownOnce(key));
    return show();
  });
  const adding = el("section", { class: "card stack" }, el("h2", { text: t("new_key") }), create);
  return { title: t("keys"), content: [made, adding, el("section", { class: "stack" }, el("h2", { text: t("keys") }), list)] };
}

function createForm(created) {
  const fields = [
    field(t("key_label"), { name: "label", required: true, maxlength: 200, autocomplete: "off" }, { hint: t("key_label_hint") }),
    field(t("key_albums"), { name: "albums", autocomplete: "off", spellcheck: "false" }, { hint: t("key_albums_hint") }),
    el(
      "div",
      { class: "pair" },
      field(t("key_scope"), select(SCOPES.map((scope) => [scope, t(`key_scope_${scope}`)]), { name: "scope", value: "search" })),
      field(t("key_lifetime"), select(DAYS.map((days) => [days, days === "" ? t("never_expires") : t("key_days", { days: Number(days) })]), { name: "days", value: "90" })),
    ),
  ];
  return form(fields, {
    label: t("make_key"),
    save: async (values, sent) => {
      await created(await api("POST", "/keys", { body: bodyOf(Object.fromEntries(values), Date.now()) }));
      sent.reset();
    },
  });
}

/** What is sent for a filled-in form; no album means all. */
export function bodyOf({ label, albums, scope, days }, now) {
  const named = albums.split(",").map((album) => album.trim()).filter(Boolean);
  const ends = days === "" ? { never_expires: true } : { expires_at: new Date(now + Number(days) * DAY_MS).toISOString() };
  return { label: label.trim(), albums: named.length > 0 ? [...new Set(named)] : null, scope, ...ends };
}

/** A new key, which is shown this once. */
function shownOnce({ key, label }) {
  if (key === null) return el("p", { class: "notice warn", text: t("key_not_shown") });
  const copy = button(t("copy_key"), { kind: "primary", on: { click: () => navigator.clipboard.writeText(key).then(() => toast(t("copied")), () => toast(t("copy_by_hand"))) } });
  return el(
    "section",
    { class: "card raised stack" },
    el("h2", { text: label }),
    el("input", { class: "link", readonly: true, value: key, "aria-label": t("api_key") }),
    el("p", { class: "soft small", text: t("shown_once") }),
    el("div", { class: "row" }, copy),
  );
}

function keyRow(key, changed) {
  const hasEnded = key.state !== "valid";
  const ends = key.expires_at === null ? t("never_expires") : t("until", { time: at(key.expires_at) });
  const state = hasEnded ? t(key.state) : ends;
  const facts = [
    t(`key_scope_${key.scope}`),
    key.albums === null ? t("all_albums") : key.albums.join(", "),
    key.vectors ? t("key_vectors") : null,
    key.last_used_at === null ? t("never_used") : t("last_used", { time: at(key.last_used_at) }),
    key.key_id,
  ];
  const row = el(
    "li",
    { class: hasEnded ? "ended" : null },
    el("strong", { text: key.label }),
    el("span", { class: "soft small", text: facts.filter(Boolean).join(" · ") }),
    el("span", { class: `tag ${hasEnded ? "" : "good"}`, text: state }),
  );
  if (key.state === "revoked") return row;
  const revoke = async () => {
    if (!(await confirmed({ title: t("revoke_key_title", { label: key.label }), text: t("revoke_key_text"), yes: t("revoke"), no: t("cancel"), danger: true }))) return;
    try {
      await api("DELETE", `/keys/${key.key_id}`);
      toast(t("key_revoked"));
      await changed();
    } catch (error) {
      toast(error.message);
    }
  };
  row.append(button(t("revoke"), { kind: "danger small", "aria-label": `${t("revoke")}: ${key.label}`, on: { click: revoke } }));
  return row;
}

// Share links with their QR codes, and what organisers take away: tables and files.

import { confirmed } from "../components/dialog.js";
import { toast } from "../components/toast.js";
import { el } from "../elements.js";
import { t } from "../messages.js";
import { albumPath, api } from "./api.js";
import { button, field, form, select } from "./forms.js";
import { at } from "./formats.js";

const SIZES = ["none", "web", "original"]; // from the least to the most

export async function sharingView({ album }, { signal }) {
  const path = albumPath(album, "shares");
  const made = el("div", { "aria-live": "polite" });
  const list = el("ul", { class: "plain rows" });
  const show = async () => {
    const [{ shares }, allowed] = await Promise.all([api("GET", path, { signal }), allowedByCard(album, signal)]);
    const rows = shares.reverse().map((share) => shareRow(path, share, { allowed, changed: show }));
    list.replaceChildren(...(rows.length > 0 ? rows : [el("li", { class: "soft", text: t("no_shares") })]));
  };
  await show();
  const create = el("section", { class: "card stack" }, el("h2", { text: t("new_share") }), createForm(path, (share) => (made.replaceChildren(shown(share)), show())));
  const existing = el("section", { class: "stack" }, el("h2", { text: t("shares") }), list);
  return { title: t("section_sharing"), content: [made, create, existing, exports(album)] };
}

function createForm(path, created) {
  const kinds = ["find", "browse"].map((kind) => [kind, t(`may_${kind}`)]);
  const sizes = SIZES.map((size) => [size, t(`downloads_${size}`)]);
  const fields = [
    field(t("label"), { name: "label", maxlength: 100, placeholder: t("label_example"), autocomplete: "off" }),
    el("div", { class: "pair" }, field(t("visitors_may"), select(kinds, { name: "may", value: "find" })), field(t("downloads"), select(sizes, { name: "downloads", value: "web" }))),
    el(
      "div",
      { class: "pair" },
      field(t("expires_on"), { name: "expires_on", type: "date" }, { hint: t("expires_hint") }),
      field(t("pin"), { name: "pin", inputmode: "numeric", pattern: "[0-9]{4,8}", minlength: 4, maxlength: 8, autocomplete: "off" }, { hint: t("pin_hint") }),
    ),
  ];
  return form(fields, {
    label: t("make_link"),
    save: async (values, sent) => {
      const body = { may: values.get("may"), downloads: values.get("downloads") };
      for (const name of ["label", "expires_on", "pin"]) if (values.get(name)?.trim()) body[name] = values.get(name).trim();
      created(await api("POST", path, { body }));
      sent.reset();
    },
  });
}

/** A new link, which is shown this once. */
function shown({ url, qr_svg: code, label }) {
  if (url === null) return el("p", { class: "notice warn", text: t("share_not_shown") });
  const picture = code === null ? null : el("img", { class: "qr", alt: t("qr_alt"), src: `data:image/svg+xml,${encodeURIComponent(code)}` });
  const save = code === null ? null : el("a", { class: "button", href: `data:image/svg+xml,${encodeURIComponent(code)}`, download: "qr.svg", text: t("save_qr") });
  const copy = button(t("copy_link"), { kind: "primary", on: { click: () => navigator.clipboard.writeText(url).then(() => toast(t("copied")), () => toast(url)) } });
  const text = el("div", { class: "stack" }, el("h2", { text: label ?? t("new_share") }), el("input", { class: "link", readonly: true, value: url, "aria-label": t("link") }), el("p", { class: "soft small", text: t("shown_once") }), el("div", { class: "row" }, copy, save));
  return el("section", { class: "card raised made-share" }, picture, text);
}

/** What the album's card lets visitors download at most; an album that has neither card nor photos yet is not found. */
async function allowedByCard(album, signal) {
  try {
    return (await api("GET", albumPath(album), { signal })).visitors_may_download;
  } catch (error) {
    if (error.status !== 404) throw error;
    return "web";
  }
}

/** What visitors with the link may download: no more than the album's card allows. */
function downloadsOf(share, allowed) {
  if (SIZES.indexOf(share.downloads) <= SIZES.indexOf(allowed)) return t(`downloads_${share.downloads}`);
  return t("downloads_limited", { size: t(`downloads_${allowed}`) });
}

function shareRow(path, share, { allowed, changed }) {
  const hasEnded = share.revoked_at !== null || new Date(share.expires_at) < new Date();
  const state = share.revoked_at !== null ? t("revoked") : hasEnded ? t("expired") : t("until", { time: at(share.expires_at) });
  const facts = [t(`may_${share.may}`), downloadsOf(share, allowed), share.has_pin ? t("with_pin") : null].filter(Boolean);
  const row = el("li", { class: hasEnded ? "ended" : null }, el("strong", { text: share.label ?? t("no_label") }), el("span", { class: "soft small", text: facts.join(" · ") }), el("span", { class: `tag ${hasEnded ? "" : "good"}`, text: state }));
  if (hasEnded) return row;
  const revoke = async () => {
    if (!(await confirmed({ title: t("revoke_title"), text: t("revoke_text"), yes: t("revoke"), no: t("cancel"), danger: true }))) return;
    try {
      await api("DELETE", `${path}/${share.share_id}`);
      toast(t("revoked"));
      await changed();
    } catch (error) {
      toast(error.message);
    }
  };
  row.append(button(t("revoke"), { kind: "danger small", on: { click: revoke } }));
  return row;
}

function exports(album) {
  const table = el("a", { class: "button", href: `/v1${albumPath(album, "export.csv")}`, download: `${album}.csv`, text: t("export_csv") });
  return el("section", { class: "card stack" }, el("h2", { text: t("exports") }), el("p", { class: "soft", text: t("exports_text") }), el("div", { class: "row" }, table));
}

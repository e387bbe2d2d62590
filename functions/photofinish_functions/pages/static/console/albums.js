// The albums that the caller may see, and a dialog that creates one.

import { openDialog } from "../components/dialog.js";
import { el } from "../elements.js";
import { counted, day, t } from "../messages.js";
import { ApiError, api, albumPath, items } from "./api.js";
import { button, choice, empty, field, form, select } from "./forms.js";
import { addressOf, navigateFromDialog } from "./router.js";
import { may } from "./shell.js";
import { startListField } from "./start_list_field.js";

const FEW = 200;

export async function albumsView(_, { session, signal }) {
  const albums = [];
  for await (const album of items("/albums", "albums", { query: { limit: FEW }, signal })) albums.push(album);
  const create = button(t("new_album"), { kind: "primary", on: { click: () => createAlbum() } });
  const search = el("input", { type: "search", "aria-label": t("find_album"), placeholder: t("find_album") });
  const list = el("ul", { class: "albums" }, ...albums.map(albumCard));
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLocaleLowerCase();
    for (const card of list.children) card.hidden = !card.textContent.toLocaleLowerCase().includes(wanted);
  });
  const nothing = empty("pictures", t("no_albums_title"), t("no_albums_text"));
  return {
    title: t("albums"),
    actions: [...(albums.length > 8 ? [search] : []), ...(may(session, "admin") ? [create] : [])],
    content: [albums.length === 0 ? nothing : list],
  };
}

function albumCard(album) {
  const facts = [counted("photos", album.photos), counted("faces", album.faces), counted("bibs", album.bibs)].join(" · ");
  const title = album.title ?? album.album;
  const below = album.held_on ? `${day(album.held_on)} · ${facts}` : facts;
  return el("li", {}, el("a", { class: "card", href: addressOf({ album: album.album }) }, el("h2", { text: title }), el("p", { class: "soft small", text: below })));
}

function createAlbum() {
  const name = el("input", { name: "name", required: true, maxlength: 100, pattern: "[a-z0-9][a-z0-9._\\-]*", autocomplete: "off" });
  const title = el("input", { name: "title", required: true, maxlength: 200, autocomplete: "off" });
  title.addEventListener("input", () => {
    if (!name.dataset.typed) name.value = addressable(title.value);
  });
  name.addEventListener("input", () => (name.dataset.typed = "yes"));
  const list = startListField();
  const send = form(
    [
      field(t("album_title"), title),
      field(t("album_name"), name, { hint: t("album_name_hint") }),
      el("div", { class: "pair" }, field(t("held_on"), { name: "held_on", type: "date" }), field(t("ends_on"), { name: "ends_on", type: "date" }, { hint: t("ends_on_hint") })),
      field(t("indexing"), select(["everyone", "opt_out", "enrolled_only"].map((kind) => [kind, t(`indexing_${kind}`)]), { name: "indexing", value: "opt_out" })),
      field(t("purpose"), { name: "purpose", maxlength: 200, value: t("purpose_default") }, { hint: t("purpose_hint") }),
      choice(t("redact_others"), { name: "redact" }),
      list.element,
    ],
    {
      label: t("create"),
      more: [button(t("cancel"), { kind: "quiet", on: { click: () => dialog.close() } })],
      save: async (values) => {
        const album = values.get("name").trim();
        if (await exists(album)) throw new ApiError(409, "album_exists", t("error_album_exists"));
        await saveAlbum(album, values, list.entrants());
        navigateFromDialog({ album, view: "upload" });
        dialog.close();
      },
    },
  );
  const dialog = el("dialog", { class: "dialog roomy", "aria-labelledby": "new-album" }, el("h2", { id: "new-album", text: t("new_album") }), send);
  document.body.append(dialog);
  openDialog(dialog).then(() => dialog.remove());
}

/** Whether there is an album of this name, which a new one would change. */
async function exists(album) {
  try {
    await api("GET", albumPath(album));
    return true;
  } catch (error) {
    if (error.status === 404) return false;
    throw error;
  }
}

/** The policy comes first: no photo may be analysed by another one. */
async function saveAlbum(album, values, entrants) {
  await api("PUT", albumPath(album, "policy"), {
    body: {
      indexing: values.get("indexing"),
      redact: values.has("redact") ? "everyone" : "none",
      purpose: values.get("purpose").trim(),
      ends_on: values.get("ends_on") || null,
    },
  });
  await api("PUT", albumPath(album), { body: { title: values.get("title").trim(), held_on: values.get("held_on") || null, watermark: null, downloads: "web" } });
  if (entrants !== null) await api("PUT", albumPath(album, "bib-rules"), { body: { start_list: entrants } });
}

/** A name for addresses and folders, of a title. */
export function addressable(title) {
  const plain = title.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return plain.replace(/ß/g, "ss").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
}

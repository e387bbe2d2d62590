// The faces of a photo: whose they are; say that it is another person, or no longer this one.

import { openDialog } from "../../components/dialog.js";
import { el } from "../../elements.js";
import { counted, t } from "../../messages.js";
import { albumPath, api } from "../api.js";
import { crop } from "../crops.js";
import { button, busily, field, form } from "../forms.js";
import { addressOf } from "../router.js";
import { momentButton } from "./film.js";
import { onPicture } from "./stage.js";

/** The panel. `changed(answer, path)` is called after a change, with the operation that undoes it. */
export function facesPanel(photo, { people, faceName, mark, changed, mayWrite, jump }) {
  const { album } = photo.photo;
  const rows = photo.faces.map((face) => {
    const person = people.get(face.person_id);
    const name = person === undefined ? el("span", { class: "soft", text: faceName(face) }) : el("a", { href: addressOf({ album, view: "people", id: person.person_id }), text: faceName(face) });
    const row = el("li", { class: "face-row", "data-face": face.face_id, on: { pointerenter: () => mark(face.face_id), pointerleave: () => mark(null) } });
    if (photo.renditions.preview !== null) row.append(crop(photo.renditions.preview.url, onPicture(face) ?? face.box));
    row.append(el("span", { class: "face-name" }, name));
    if (photo.video !== null) row.append(momentButton(face.box.at_s, jump));
    if (!mayWrite) return row;
    const who = button(t(person === undefined ? "who_is_it" : "other_person"), { kind: "quiet small", on: { click: () => chooseDialog(album, face, changed) } });
    row.append(who);
    if (person !== undefined) {
      const reject = button(t("not_them"), { kind: "quiet small" });
      reject.addEventListener("click", () => busily(reject, async () => changed(await api("POST", albumPath(album, "people", person.person_id, "rejections"), { body: { face_ids: [face.face_id] } }))));
      row.append(reject);
    }
    return row;
  });
  const nothing = rows.length === 0 ? el("p", { class: "soft", text: t("no_faces") }) : null;
  return el("section", { class: "panel" }, el("h2", { text: counted("faces", rows.length) }), nothing, el("ul", { class: "plain" }, ...rows));
}

/** Choose a person by name, or make a new one; the face becomes theirs. */
export function chooseDialog(album, face, changed) {
  const found = el("ul", { class: "plain choices", "aria-label": t("people_found") });
  const name = el("input", { name: "name", required: true, maxlength: 200, autocomplete: "off" });
  const confirm = async (personId) => {
    const answer = await api("POST", albumPath(album, "people", personId, "faces"), { body: { face_ids: [face.face_id] } });
    dialog.close();
    changed(answer);
  };
  let asked = 0;
  name.addEventListener("input", async () => {
    asked += 1;
    const mine = asked;
    const wanted = name.value.trim();
    if (wanted.length < 2) return found.replaceChildren();
    const { people } = await api("GET", albumPath(album, "people"), { query: { name: wanted } }).catch(() => ({ people: [] }));
    if (mine !== asked) return;
    found.replaceChildren(...people.slice(0, 8).map((person) => el("li", {}, button(person.name, { kind: "wide", on: { click: () => confirm(person.person_id) } }))));
  });
  const send = form([field(t("name"), name, { hint: t("who_hint") }), found], {
    label: t("new_person"),
    more: [button(t("cancel"), { kind: "quiet", on: { click: () => dialog.close() } })],
    save: async (values) => {
      const { person } = await api("POST", albumPath(album, "people"), { body: { name: values.get("name").trim() } });
      await confirm(person.person_id);
    },
  });
  const dialog = el("dialog", { class: "dialog", "aria-labelledby": "who-title" }, el("h2", { id: "who-title", text: t("who_is_it") }), send);
  document.body.append(dialog);
  openDialog(dialog).then(() => dialog.remove());
}

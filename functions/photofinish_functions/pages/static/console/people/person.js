// One person: name, numbers, faces to confirm, reject or split off (by buttons or by dragging), similar faces.

import { confirmed } from "../../components/dialog.js";
import { toast } from "../../components/toast.js";
import { clock } from "../../components/film_times.js";
import { el, icon } from "../../elements.js";
import { counted, t } from "../../messages.js";
import { albumPath, api } from "../api.js";
import { lazyCrop } from "../crops.js";
import { button, busily } from "../forms.js";
import { share } from "../formats.js";
import { addressOf, navigate } from "../router.js";
import { may } from "../shell.js";

const FACES = 100;
const DRAGGED = "text/x-face";

export async function personView(place, { session, signal }) {
  const { album, id } = place;
  const path = albumPath(album, "people", id);
  const again = () => navigate(place);
  const [person, matches] = await Promise.all([api("GET", path, { signal }), api("GET", `${path}/matches`, { query: { limit: FACES }, signal })]);
  const context = { album, path, person, signal, again, mayWrite: may(session, "write") };
  const content = [naming(context), numbersOf(context), facesOf(context, matches), suggestionsOf(context, matches)].filter(Boolean);
  return { title: person.name ?? t("unnamed"), actions: context.mayWrite ? [eraseButton(context)] : [], content, isWide: true };
}

/** Carry out a change; the toast undoes it, and the view is shown anew. */
async function change({ album, again }, work, message) {
  try {
    const done = await work();
    const undo = async () => {
      await api("POST", albumPath(album, "people-operations", String(done.operation_id), "undo"));
      again();
    };
    toast(message, done?.operation_id == null ? null : { label: t("undo"), run: () => undo().catch((error) => toast(error.message)) });
    again();
  } catch (error) {
    toast(error.message);
  }
}

function naming({ path, person, mayWrite, again }) {
  if (!mayWrite) return null;
  const name = el("input", { name: "name", value: person.name ?? "", maxlength: 200, placeholder: t("name"), "aria-label": t("name"), autocomplete: "off" });
  const save = el("button", { class: "button primary", text: t("save") });
  const form = el("form", { class: "row" }, name, save, el("span", { class: "soft small", text: [counted("faces", person.face_count), t("confirmed_count", { count: person.confirmed_count })].join(" · ") }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busily(save, async () => {
      try {
        await api("PATCH", path, { body: { name: name.value.trim() || null } });
        toast(t("saved"));
        again();
      } catch (error) {
        toast(error.message);
      }
    });
  });
  return form;
}

function numbersOf(context) {
  const { person, path, mayWrite } = context;
  const rows = person.numbers.map((one) => {
    const about = [t(`number_${one.state}`), t("photos_show_it", { count: one.evidence.length })];
    if (one.state === "inferred") about.splice(1, 0, share(one.score));
    if (one.part_of !== null) about.push(t("part_of", { number: one.part_of }));
    const conflicts = one.conflicts.map((conflict) => t(`conflict_${conflict.kind}`, { number: conflict.number }));
    const row = el("li", { class: "number-row" }, el("strong", { class: "worn", text: one.number }), el("span", { class: "soft small why", text: [...about, ...conflicts].join(" · ") }));
    if (!mayWrite) return row;
    const decide = (confirmed) => change(context, () => api("PUT", `${path}/numbers/${encodeURIComponent(one.number)}`, { body: { confirmed } }), t(confirmed ? "number_confirmed_toast" : "number_rejected_toast"));
    if (one.state !== "confirmed") row.append(button(t("confirm"), { kind: "small", symbol: "check", on: { click: () => decide(true) } }));
    if (one.state !== "rejected") row.append(button(t("reject"), { kind: "quiet small", on: { click: () => decide(false) } }));
    return row;
  });
  if (mayWrite) rows.push(el("li", {}, newNumber(context)));
  return el("section", { class: "panel" }, el("h2", { text: t("section_numbers") }), el("ul", { class: "plain numbers" }, ...rows));
}

function newNumber(context) {
  const number = el("input", { class: "short", placeholder: t("add_number"), "aria-label": t("add_number"), maxlength: 11, required: true });
  const form = el("form", { class: "row" }, number, el("button", { class: "button", text: t("add") }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const path = `${context.path}/numbers/${encodeURIComponent(number.value.trim())}`;
    change(context, () => api("PUT", path, { body: { confirmed: true } }), t("number_confirmed_toast"));
  });
  return form;
}

function facesOf(context, { faces, next_cursor: more }) {
  const chosen = new Set();
  const split = button(t("split_chosen"), { kind: "primary", disabled: true, on: { click: () => splitOff(context, [...chosen]) } });
  const confirm = button(t("confirm"), { disabled: true, symbol: "check", on: { click: () => change(context, () => sendFaces(context, "faces", [...chosen]), t("faces_confirmed")) } });
  const reject = button(t("not_them"), { disabled: true, on: { click: () => change(context, () => sendFaces(context, "rejections", [...chosen]), t("faces_rejected")) } });
  const choose = (faceId, isChosen) => {
    if (isChosen) chosen.add(faceId);
    else chosen.delete(faceId);
    for (const one of [split, confirm, reject]) one.disabled = chosen.size === 0;
  };
  const tiles = faces.map((face) => faceTile(context, face, face.source === "clustered" ? null : t("confirmed_face"), context.mayWrite ? choose : null));
  const parts = [el("h2", { text: counted("faces", context.person.face_count) }), el("ul", { class: "faces" }, ...tiles)];
  if (more !== null) parts.push(el("p", { class: "soft small", text: t("first_faces", { count: faces.length }) }));
  if (context.mayWrite && faces.length > 0) parts.splice(1, 0, el("div", { class: "row" }, confirm, reject, split, dropForSplit(context)));
  return el("section", { class: "panel" }, ...parts);
}

/** A place to drop a face on: it becomes a new person. */
function dropForSplit(context) {
  const zone = el("span", { class: "split-zone", text: t("split_zone") });
  zone.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes(DRAGGED)) return;
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    zone.classList.remove("over");
    const faceId = event.dataTransfer.getData(DRAGGED);
    if (faceId !== "") splitOff(context, [faceId]);
  });
  return zone;
}

function splitOff(context, faceIds) {
  return change(context, () => api("POST", `${context.path}/split`, { body: { face_ids: faceIds } }), counted("faces_split", faceIds.length));
}

const sendFaces = ({ path }, where, faceIds) => api("POST", `${path}/${where}`, { body: { face_ids: faceIds } });

function suggestionsOf(context, { suggested }) {
  if (suggested.length === 0 || !context.mayWrite) return null;
  const tiles = suggested.map((face) => {
    const tile = faceTile(context, face, face.probability === null ? null : share(face.probability), null);
    const yes = button(t("yes"), { kind: "small", on: { click: () => change(context, () => sendFaces(context, "faces", [face.face_id]), t("faces_confirmed")) } });
    const no = button(t("no"), { kind: "quiet small", on: { click: () => change(context, () => sendFaces(context, "rejections", [face.face_id]), t("faces_rejected")) } });
    tile.append(el("div", { class: "row" }, yes, no));
    return tile;
  });
  return el("section", { class: "panel" }, el("h2", { text: t("also_them") }), el("ul", { class: "faces" }, ...tiles));
}

function faceTile({ album, signal }, face, note, choose) {
  const href = addressOf({ album, view: "photos", id: face.photo.photo_id });
  const inPhoto = t("face_in", { photo: face.photo.name.split("/").at(-1) });
  const at = face.box.at_s ?? null;
  const label = at === null ? inPhoto : `${inPhoto}, ${t("in_film_at", { times: clock(at) })}`;
  const picture = el("a", { href, "aria-label": label, draggable: "false" }, lazyCrop(face.photo, face.box, "", signal));
  if (at !== null) picture.append(el("span", { class: "tag mini" }, icon("play"), clock(at)));
  const tile = el("li", { class: "face-tile", draggable: choose === null ? null : "true" }, picture, note === null ? null : el("span", { class: "tag mini", text: note }));
  tile.addEventListener("dragstart", (event) => event.dataTransfer.setData(DRAGGED, face.face_id));
  if (choose !== null) {
    const box = el("input", { type: "checkbox", "aria-label": t("choose_face", { face: label }) });
    box.addEventListener("change", () => choose(face.face_id, box.checked));
    tile.prepend(box);
  }
  return tile;
}

function eraseButton({ album, path, person }) {
  const erase = async () => {
    const text = t("erase_person_text", { name: person.name ?? t("unnamed") });
    if (!(await confirmed({ title: t("erase_person"), text, yes: t("erase"), no: t("cancel"), danger: true }))) return;
    try {
      await api("DELETE", path);
      toast(t("erased_person"));
      navigate({ album, view: "people" });
    } catch (error) {
      toast(error.message);
    }
  };
  return button(t("erase"), { kind: "danger", on: { click: erase } });
}

// One photo: its boxes, numbers, faces, what was read, why it was rejected; corrections and their history.

import { confirmed } from "../../components/dialog.js";
import { toast } from "../../components/toast.js";
import { el, icon } from "../../elements.js";
import { has, t } from "../../messages.js";
import { albumPath, api } from "../api.js";
import { button } from "../forms.js";
import { at, baseName, below, byWhom, share } from "../formats.js";
import { offerReceipt } from "../receipts.js";
import { addressOf, navigate } from "../router.js";
import { may } from "../shell.js";
import { chooseDialog, facesPanel } from "./faces.js";
import { filmStage } from "./film.js";
import { numbersPanel } from "./numbers.js";
import { Stage } from "./stage.js";

const HISTORY = 10;

export async function photoView({ album, id }, { session, signal, feed, filter }) {
  const mayWrite = may(session, "write");
  const path = albumPath(album, "photos", id);
  let photo = await api("GET", path, { signal });
  const people = new Map();
  const panels = el("div", { class: "panels" });
  const faceName = (face) => people.get(face.person_id)?.name ?? t("face_number", { number: photo.faces.indexOf(face) + 1 });
  const stage = new Stage(photo, {
    nameOf: (face) => people.get(face.person_id)?.name ?? null,
    chosen: (kind, item) => choose(kind, item),
    drawn: (box) => boxDrawn(box),
    dropped: (number, face) => correct({ action: "move", number, face_id: face.face_id }),
  });
  const { element: shown, jump, file } = photo.video === null ? { element: stage.element, jump: null, file: `/v1${path}/download?size=original` } : await filmStage(photo, stage.element, signal);
  let boxDrawn = () => {};
  const choose = (kind, item) => {
    if (kind === "bib") panels.querySelectorAll(".number-input")[photo.bibs.indexOf(item)]?.focus();
    else if (mayWrite) chooseDialog(album, item, facesChanged);
  };
  const drawBox = (tell) => {
    boxDrawn = (box) => {
      stage.element.classList.remove("draws");
      tell(box);
    };
    return { isPossible: stage.hasPicture && photo.video === null, isOn: () => stage.draws, toggle: () => (stage.draws = !stage.draws) };
  };
  const draw = () => {
    stage.draws = false;
    stage.draw(photo);
    const shared = { faceName, mayWrite, jump, mark: (faceId) => stage.mark(faceId) };
    panels.replaceChildren(
      ...[
        reason(photo),
        photo.status === "done" ? numbersPanel(photo, { ...shared, correct, drawBox }) : null,
        photo.status === "done" ? facesPanel(photo, { ...shared, people, changed: facesChanged }) : null,
        facts(photo),
        history,
      ].filter(Boolean),
    );
  };
  const history = el("details", { class: "panel" }, el("summary", { text: t("history") }));
  history.addEventListener("toggle", () => history.open && showHistory());
  const showHistory = () => fillHistory(history, album, id, undo).catch((error) => toast(error.message));
  const undo = async (operationId) => {
    const done = await api("POST", albumPath(album, "bib-operations", String(operationId), "undo"));
    photo = { ...photo, bibs: done.bibs };
    draw();
    if (history.open) await showHistory();
    return done;
  };
  const correct = async (change) => {
    try {
      const done = await api("PATCH", albumPath(album, "photos", id, "bibs"), { body: change });
      photo = { ...photo, bibs: done.bibs };
      draw();
      if (done.operation_id !== null) {
        toast(t(`corrected_${change.action}`, { number: change.new_number ?? change.number }), { label: t("undo"), run: () => undo(done.operation_id).catch((error) => toast(error.message)) });
      }
      if (history.open) await showHistory();
    } catch (error) {
      toast(error.message);
      throw error;
    }
  };
  const facesChanged = async (done) => {
    photo = await api("GET", path);
    await readPeople(album, photo, people, signal);
    draw();
    if (done.operation_id === null) return;
    const run = async () => {
      await api("POST", albumPath(album, "people-operations", String(done.operation_id), "undo"));
      await facesChanged({ operation_id: null });
    };
    toast(t("face_changed"), { label: t("undo"), run: () => run().catch((error) => toast(error.message)) });
  };
  draw();
  readPeople(album, photo, people, signal).then(draw, () => {});
  const steps = el("div", { class: "row" });
  const showSteps = () => {
    const { before, after } = neighbours(feed, id, album, filter);
    steps.replaceChildren(link("left", t("previous_photo"), before), link("right", t("next_photo"), after));
  };
  showSteps();
  if (feed.photos.length === 0) feed.more().then(showSteps, () => {});
  document.addEventListener("keydown", (event) => onKey(event, { around: () => neighbours(feed, id, album, filter), album, filter, panels, stage }), { signal });
  const actions = [steps];
  if (photo.status === "done" && file !== null) actions.push(el("a", { class: "button", href: file, target: "_blank", rel: "noopener" }, icon("download"), t("save_photo")));
  if (mayWrite) {
    const gone = (erasure) => {
      feed.remove(id);
      navigate({ album, view: "photos", query: filter });
      // Receipts are for keys of all albums.
      if (may(session, "admin") && session.albums === null) offerReceipt(erasure.erasure_id, t("photo_is_erased")).catch(() => {});
    };
    actions.push(eraseButton(path, photo, gone));
  }
  return { title: baseName(photo.photo.name), actions, content: [el("div", { class: "photo-view" }, shown, panels)], isWide: true };
}

function link(symbol, label, href) {
  if (href === null) return el("button", { type: "button", class: "button icon", disabled: true, "aria-label": label }, icon(symbol));
  return el("a", { class: "button icon", href, "aria-label": label }, icon(symbol));
}

/** The addresses of the photos before and after this one in the grid. */
function neighbours(feed, id, album, filter) {
  const index = feed.indexOf(id);
  const addressAt = (at) => (index < 0 || feed.photos[at] === undefined ? null : addressOf({ album, view: "photos", id: feed.photos[at].photo.photo_id, query: filter }));
  if (index >= 0 && index + 5 > feed.photos.length) feed.more().catch(() => {});
  return { before: addressAt(index - 1), after: addressAt(index + 1) };
}

function onKey(event, { around, album, filter, panels, stage }) {
  // Escape leaves a field of text, too: what was typed there has been taken back before.
  const isTyping = event.target.closest?.(event.key === "Escape" ? "select, dialog" : "input, select, textarea, dialog, video");
  if (isTyping || event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
  const go = (href) => {
    if (href !== null) navigate.go(href);
  };
  const act = {
    ArrowLeft: () => go(around().before),
    ArrowRight: () => go(around().after),
    Escape: () => (stage.draws ? (stage.draws = false) : navigate({ album, view: "photos", query: filter })),
    n: () => panels.querySelector(".add-number input")?.focus(),
    d: () => panels.querySelector(".add-number [aria-pressed]")?.click(),
  }[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
}

async function readPeople(album, photo, people, signal) {
  const ids = [...new Set(photo.faces.map((face) => face.person_id))].filter((id) => id !== null && !people.has(id));
  const read = await Promise.all(ids.map((id) => api("GET", albumPath(album, "people", id), { signal }).catch(() => null)));
  for (const person of read) if (person !== null) people.set(person.person_id, person);
}

/** Why there is no result, or what was not as it should be. */
function reason(photo) {
  if (photo.error !== null) {
    const { code, message } = photo.error;
    const cause = has(`cause_${code}`) ? `${t(`cause_${code}`)}. ` : "";
    return el("p", { class: "notice bad" }, icon("warning"), el("span", {}, el("strong", { text: `${t(`status_${photo.status}`)}. ${cause}` }), message));
  }
  if (photo.status !== "done") return el("p", { class: "notice", role: "status" }, icon("info"), el("span", { text: t("not_analysed_yet") }));
  if (photo.duplicate_of !== null) {
    const same = el("a", { href: addressOf({ album: photo.photo.album, view: "photos", id: photo.duplicate_of }), text: t("look_at_it") });
    return el("p", { class: "notice" }, icon("info"), el("span", { text: `${t("is_duplicate")} ` }, same));
  }
  if (photo.warnings.length === 0) return null;
  return el("div", { class: "notice warn" }, icon("warning"), el("ul", { class: "plain" }, ...photo.warnings.map(({ message }) => el("li", { text: message }))));
}

function facts(photo) {
  const { image, sharpness, text } = photo;
  const rows = [[t("file"), below(photo.photo)]];
  if (image !== null) {
    rows.push([t("size"), `${image.width} × ${image.height} ${image.format}`]);
    if (image.taken_at !== null) rows.push([t("taken_at"), image.taken_at.replace("T", " ").slice(0, 19)]);
    if (image.camera !== null) rows.push([t("camera"), image.camera]);
  }
  if (sharpness !== null) rows.push([t("sharpness"), `${share(sharpness.frame)}${sharpness.is_blurry ? ` · ${t("blurry")}` : ""}`]);
  if (text.length > 0) rows.push([t("text_read"), text.join(" · ")]);
  return el("section", { class: "panel" }, el("h2", { text: t("details") }), el("dl", { class: "details" }, ...rows.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })])));
}

async function fillHistory(history, album, id, undo) {
  const { operations } = await api("GET", albumPath(album, "bib-operations"), { query: { photo_id: id, limit: HISTORY } });
  const rows = operations.map((one) => {
    const what = t(`operation_${one.kind}`, { number: one.number, instead_of: one.instead_of ?? "" });
    const row = el("li", {}, el("span", { text: what }), el("span", { class: "soft small", text: `${at(one.done_at)} · ${byWhom(one.done_by)}` }));
    if (one.undone_by === null) row.append(button(t("undo"), { kind: "quiet small", on: { click: () => undo(one.operation_id).catch((error) => toast(error.message)) } }));
    return row;
  });
  history.querySelector("ul, p")?.remove();
  history.append(rows.length === 0 ? el("p", { class: "soft", text: t("no_history") }) : el("ul", { class: "plain history" }, ...rows));
}

function eraseButton(path, photo, gone) {
  return button(t("erase"), {
    kind: "danger",
    on: {
      click: async () => {
        const text = t("erase_photo_text", { name: baseName(photo.photo.name) });
        if (!(await confirmed({ title: t("erase_photo"), text, yes: t("erase"), no: t("cancel"), danger: true }))) return;
        try {
          const erasure = await api("DELETE", path);
          toast(t("erased_photo"));
          gone(erasure);
        } catch (error) {
          toast(error.message);
        }
      },
    },
  });
}

// The numbers of a photo: correct one, add one, say who wears it; each change can be undone.

import { toast } from "../../components/toast.js";
import { el, icon } from "../../elements.js";
import { t } from "../../messages.js";
import { button, busily, select } from "../forms.js";
import { share } from "../formats.js";
import { momentButton } from "./film.js";

const MAX_CHARS = 11;
const NUMBER = /^[0-9A-Za-z-]+$/;

/** The panel. `correct(change)` carries out a correction; `faceName(face)` tells how a face is called here. */
export function numbersPanel(photo, { correct, faceName, mark, drawBox, mayWrite, jump }) {
  const list = el("ul", { class: "plain numbers" }, ...photo.bibs.map((bib) => numberRow(photo, bib, { correct, faceName, mark, mayWrite, jump })));
  const nothing = photo.bibs.length === 0 ? el("p", { class: "soft", text: t("no_numbers") }) : null;
  const parts = [el("h2", { text: t("section_numbers") }), nothing, list];
  if (mayWrite && photo.status === "done") parts.push(addRow({ photo, correct, faceName, drawBox }));
  return el("section", { class: "panel" }, ...parts);
}

function numberRow(photo, bib, { correct, faceName, mark, mayWrite, jump }) {
  const why = bib.by_hand ? t("by_hand") : t(bib.partial ? "read_partly" : "read_with", { score: share(bib.ocr_score) });
  const input = el("input", { class: "number-input", value: bib.number, maxlength: MAX_CHARS, "aria-label": t("correct_number", { number: bib.number }), disabled: !mayWrite });
  const save = () => {
    const wanted = input.value.trim();
    if (wanted === "" || wanted === bib.number || !isNumber(input)) return;
    correct({ action: "replace", number: bib.number, new_number: wanted, face_id: bib.face_id ?? undefined }).catch(() => markWrong(input, true));
  };
  input.addEventListener("change", save);
  takeBackOnEscape(input, bib.number);
  const row = el("li", { class: "number-row", draggable: mayWrite ? "true" : null, on: { pointerenter: () => mark(bib.face_id), pointerleave: () => mark(null) } }, input, el("span", { class: "soft small why", text: why }));
  if ((bib.box?.at_s ?? null) !== null) row.append(momentButton(bib.box.at_s, jump));
  row.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/x-number", bib.number));
  if (!mayWrite) return row;
  row.append(wearerSelect(photo, bib, { correct, faceName }));
  const remove = el("button", { type: "button", class: "button icon quiet", "aria-label": t("remove_number", { number: bib.number }) }, icon("close"));
  remove.addEventListener("click", () => busily(remove, () => correct({ action: "remove", number: bib.number, face_id: bib.face_id ?? undefined })));
  row.append(remove);
  const others = bib.candidates.filter((candidate) => candidate.number !== bib.number).slice(0, 4);
  if (others.length > 0) {
    const chips = others.map((candidate) =>
      button(`${candidate.number} · ${share(candidate.probability)}`, { kind: "chip", on: { click: () => correct({ action: "replace", number: bib.number, new_number: candidate.number, face_id: bib.face_id ?? undefined }) } }),
    );
    row.append(el("div", { class: "row candidates" }, el("span", { class: "soft small", text: t("or_is_it") }), ...chips));
  }
  return row;
}

function wearerSelect(photo, bib, { correct, faceName }) {
  const options = photo.faces.map((face) => [face.face_id, faceName(face)]);
  const wearer = select([["", t("no_wearer")], ...options], { value: bib.face_id ?? "", "aria-label": t("wearer_of", { number: bib.number }) });
  wearer.addEventListener("change", () => {
    if (wearer.value === "") wearer.value = bib.face_id ?? "";
    else correct({ action: "move", number: bib.number, face_id: wearer.value }).catch(() => (wearer.value = bib.face_id ?? ""));
  });
  return wearer;
}

function addRow({ photo, correct, faceName, drawBox }) {
  const number = el("input", { name: "number", maxlength: MAX_CHARS, placeholder: t("add_number"), "aria-label": t("add_number"), required: true, autocomplete: "off" });
  takeBackOnEscape(number, "");
  const wearer = select([["", t("no_wearer")], ...photo.faces.map((face) => [face.face_id, faceName(face)])], { "aria-label": t("wearer") });
  const draw = el("button", { type: "button", class: "button", "aria-pressed": "false" }, t("draw_box"));
  const send = el("button", { class: "button primary", text: t("add") });
  const form = el("form", { class: "add-number" }, number, wearer, el("div", { class: "row" }, send, draw));
  let box = null;
  const drawn = drawBox((made) => {
    box = made;
    draw.setAttribute("aria-pressed", String(drawn.isOn()));
    if (made !== null) number.focus();
  });
  draw.hidden = !drawn.isPossible;
  draw.addEventListener("click", () => {
    drawn.toggle();
    draw.setAttribute("aria-pressed", String(drawn.isOn()));
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!isNumber(number)) return;
    const change = { action: "add", number: number.value.trim(), face_id: wearer.value || undefined, box: box ?? undefined };
    busily(send, () => correct(change)).catch(() => number.select());
  });
  return form;
}

/** Whether the field has a bib number; if not, the reader is told, and what was typed stays to be mended. */
function isNumber(input) {
  const isOne = NUMBER.test(input.value.trim());
  markWrong(input, !isOne);
  if (!isOne) toast(t("not_a_number", { typed: input.value.trim() }));
  return isOne;
}

function markWrong(input, isWrong) {
  if (isWrong) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** The first Escape takes back what was typed; the next one is for the view. */
function takeBackOnEscape(input, before) {
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || input.value === before) return;
    event.preventDefault();
    input.value = before;
    markWrong(input, false);
  });
}

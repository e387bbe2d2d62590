// Decide inferred numbers quickly: Y is right, N is wrong, → later, ← undoes the last decision.

import { toast } from "../../components/toast.js";
import { el, icon } from "../../elements.js";
import { counted, t } from "../../messages.js";
import { crop, pictureOf } from "../crops.js";
import { button, empty, failure } from "../forms.js";
import { share } from "../formats.js";
import { addressOf } from "../router.js";
import { NumberQueue } from "./queue.js";

const SHOWN_EVIDENCE = 3;

export async function numbersView({ album }, { signal }) {
  const queue = new NumberQueue(album, signal);
  const card = el("div", { class: "decision", "aria-live": "polite" });
  const keys = el("p", { class: "soft small keys", text: t("number_keys") });
  let now = await queue.next().catch((error) => {
    if (error.status === 404) return null;
    throw error;
  });
  const draw = () => card.replaceChildren(now === null ? finished(queue.decided.length) : question(album, now, { decide, later, signal }));
  const advance = async () => {
    try {
      now = await queue.next();
      draw();
    } catch (error) {
      if (!signal.aborted) card.replaceChildren(failure(error, advance));
    }
  };
  const decide = (confirmed) => {
    if (now === null) return;
    const asked = now;
    const sent = queue.decide(asked, confirmed);
    queue.decided.push({ asked, sent });
    sent.catch((error) => {
      queue.decided = queue.decided.filter((one) => one.asked !== asked);
      toast(error.message);
    });
    advance();
  };
  const later = () => now !== null && advance();
  const back = async () => {
    const last = queue.decided.pop();
    if (last === undefined) return;
    try {
      const { operation_id: operation } = await last.sent;
      if (operation !== null) await queue.undo(operation);
      if (now !== null) queue.putBack(now);
      now = last.asked;
      draw();
    } catch (error) {
      toast(error.message);
    }
  };
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.target.closest?.("input, select, textarea, dialog") || event.metaKey || event.ctrlKey || event.altKey) return;
      const act = { y: () => decide(true), n: () => decide(false), ArrowRight: later, ArrowLeft: back }[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act();
    },
    { signal },
  );
  draw();
  return { title: t("numbers_to_decide"), actions: [button(t("undo"), { symbol: "left", kind: "quiet", on: { click: back } })], content: [keys, card] };
}

function question(album, { person, number }, { decide, later, signal }) {
  const cover = person.cover?.renditions.preview ? crop(person.cover.renditions.preview.url, person.cover.box) : el("span", { class: "crop" });
  const who = el("a", { href: addressOf({ album, view: "people", id: person.person_id }), text: person.name ?? t("unnamed") });
  const facts = el("p", { class: "soft" }, who, ` · ${counted("faces", person.face_count)} · ${t("sure", { score: share(number.score) })}`);
  const conflicts = number.conflicts.map((conflict) => el("p", { class: "notice warn" }, icon("warning"), el("span", { text: t(`conflict_${conflict.kind}`, { number: conflict.number }) })));
  const evidence = number.evidence.slice(0, SHOWN_EVIDENCE).map((one) => evidenceOf(album, one, signal));
  const actions = el(
    "div",
    { class: "row decide" },
    button(t("reject"), { symbol: "close", "aria-keyshortcuts": "n", on: { click: () => decide(false) } }),
    button(t("later"), { kind: "quiet", "aria-keyshortcuts": "ArrowRight", on: { click: later } }),
    button(t("confirm"), { symbol: "check", kind: "primary", "aria-keyshortcuts": "y", on: { click: () => decide(true) } }),
  );
  return el("section", { class: "card raised stack" }, el("div", { class: "asked" }, cover, el("div", { class: "stack" }, el("h2", { text: t("is_number", { number: number.number }) }), facts)), ...conflicts, el("div", { class: "evidence" }, ...evidence), actions);
}

/** The photo on which the number was read, with the number marked. */
function evidenceOf(album, { photo, box, ocr_score: score }, signal) {
  const frame = el("a", { class: "frame", href: addressOf({ album, view: "photos", id: photo.photo_id }), "aria-label": t("evidence_photo", { photo: photo.name.split("/").at(-1), score: share(score) }) });
  pictureOf(photo, signal).then(
    (url) => {
      if (url === null) return;
      frame.append(el("img", { src: url, alt: "" }));
      if (box === null) return;
      const mark = el("span", { class: "box bib marked" });
      for (const [name, value] of [["left", box.x], ["top", box.y], ["width", box.w], ["height", box.h]]) mark.style[name] = `${value * 100}%`;
      frame.append(mark);
    },
    () => {},
  );
  return frame;
}

function finished(decided) {
  return empty("check", t("nothing_to_decide"), decided === 0 ? t("nothing_to_decide_text") : counted("numbers_decided", decided));
}

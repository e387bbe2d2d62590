// A field that takes a start list as a CSV file, and shows what was understood before anything is saved.

import { el } from "../elements.js";
import { counted, t } from "../messages.js";
import { field } from "./forms.js";
import { entriesOf } from "./start_list.js";

const SHOWN_PROBLEMS = 8;
const SHOWN_ENTRIES = 4;

/** `{element, entrants()}`: the entrants of the chosen file, null where none was chosen. */
export function startListField({ changed = () => {} } = {}) {
  const input = el("input", { type: "file", accept: ".csv,.txt,text/csv,text/plain" });
  const preview = el("div", { class: "preview", role: "status", hidden: true });
  let read = null;
  input.addEventListener("change", async () => {
    const [file] = input.files;
    read = file === undefined ? null : entriesOf(decoded(await file.arrayBuffer()));
    preview.hidden = read === null;
    if (read !== null) preview.replaceChildren(...previewOf(read));
    changed(read);
  });
  return {
    element: el("div", { class: "stack" }, field(t("start_list"), input, { hint: t("start_list_hint") }), preview),
    entrants: () => (read === null || read.entrants.length === 0 ? null : read.entrants),
  };
}

/** Spreadsheets of older Windows write Latin 1, which is not valid UTF-8. */
function decoded(buffer) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(buffer);
  } catch {
    return new TextDecoder("windows-1252").decode(buffer);
  }
}

function previewOf({ entrants, problems }) {
  const rows = entrants.slice(0, SHOWN_ENTRIES).map(({ number, name }) => el("tr", {}, el("td", { text: number }), el("td", { text: name })));
  const head = el("tr", {}, el("th", { scope: "col", text: t("number") }), el("th", { scope: "col", text: t("name") }));
  const shown = problems.slice(0, SHOWN_PROBLEMS).map(({ line, kind, text }) => el("li", { text: t(`start_list_${kind}`, { line, text }) }));
  if (problems.length > SHOWN_PROBLEMS) shown.push(el("li", { text: counted("more_problems", problems.length - SHOWN_PROBLEMS) }));
  const troubles = el("div", { class: "notice warn" }, el("ul", { class: "plain" }, ...shown));
  return [
    el("p", { class: "tag good", text: counted("entrants", entrants.length) }),
    entrants.length === 0 ? null : el("table", { class: "table" }, el("thead", {}, head), el("tbody", {}, ...rows)),
    problems.length === 0 ? null : troubles,
  ].filter(Boolean);
}

// Reads a start list from CSV: pure, so that it is tested without a browser. What cannot be used is told line by line.

const NUMBER = /^(?:[A-Z]{1,2}\d{1,9}|\d{1,9}[A-Z]{0,2})$/;
const MAX_NAME_CHARS = 200;
const NUMBER_TITLES = ["number", "bib", "bib number", "startnummer", "nummer", "nr", "stnr", "dorsal", "número", "numero", "no"];
const NAME_TITLES = ["name", "full name", "nombre", "nachname", "last name", "apellidos", "apellido", "surname", "familienname"];
const FIRST_NAME_TITLES = ["first name", "vorname", "given name"];

/** The entries of a start list, and its problems: `{entrants: [{number, name}], problems: [{line, kind, text}], columns}`. */
export function entriesOf(text) {
  const rows = rowsOf(text.replace(/^\uFEFF/, ""));
  const { columns, first } = columnsOf(rows);
  const entrants = [];
  const problems = [];
  const lines = new Map();
  for (const { line, cells } of rows.slice(first)) {
    if (cells.every((cell) => cell.trim() === "")) continue;
    const number = normalNumber(cells[columns.number] ?? "");
    const name = nameOf(cells, columns);
    const tell = (kind, shown) => problems.push({ line, kind, text: shown });
    if (number === "") tell("number_missing", name);
    else if (!NUMBER.test(number)) tell("number_not_allowed", cells[columns.number]);
    else if (lines.has(number)) tell("number_twice", `${number} (${lines.get(number)})`);
    else if (name.length > MAX_NAME_CHARS) tell("name_too_long", `${name.slice(0, 40)}…`);
    else {
      lines.set(number, line);
      entrants.push({ number, name });
      if (name === "") tell("name_missing", number);
    }
  }
  return { entrants, problems, columns };
}

/** As the server writes numbers: capitals, without space or dash. */
export const normalNumber = (text) => text.normalize("NFKC").replace(/[\s-]/g, "").toUpperCase();

/** Rows of CSV with the numbers of their lines; quotes, and the separator that the first line has most of. */
function rowsOf(text) {
  const [head] = text.split("\n", 1);
  const separator = [";", ",", "\t"].map((one) => [head.split(one).length, one]).sort((a, b) => b[0] - a[0])[0][1];
  const rows = [];
  let row = { line: 1, cells: [""] };
  let isQuoted = false;
  let line = 1;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    const last = row.cells.length - 1;
    if (sign === "\n") line += 1;
    if (isQuoted) {
      if (sign !== '"') row.cells[last] += sign;
      else if (text[at + 1] === '"') row.cells[last] += text[(at += 1)];
      else isQuoted = false;
    } else if (sign === '"' && row.cells[last] === "") isQuoted = true;
    else if (sign === separator) row.cells.push("");
    else if (sign === "\n") {
      rows.push(row);
      row = { line, cells: [""] };
    } else if (sign !== "\r") row.cells[last] += sign;
  }
  rows.push(row);
  return rows;
}

/** Which column is what: by the titles of the first row; without titles the first two columns. */
function columnsOf(rows) {
  const titles = (rows[0]?.cells ?? []).map((cell) => cell.trim().toLocaleLowerCase());
  const number = titles.findIndex((title) => NUMBER_TITLES.includes(title));
  if (number < 0) return { columns: { number: 0, name: 1, firstName: -1 }, first: 0 };
  const name = titles.findIndex((title) => NAME_TITLES.includes(title));
  return { columns: { number, name, firstName: titles.findIndex((title) => FIRST_NAME_TITLES.includes(title)) }, first: 1 };
}

function nameOf(cells, { name, firstName }) {
  return [firstName, name].map((column) => (cells[column] ?? "").trim()).filter(Boolean).join(" ");
}

// Rows of photos that all reach both edges, each photo in its own shape. Pure, so that it can be tested without a browser.

const NARROWEST = 0.55;
const WIDEST = 2.6;

/**
 * Places of photos in a page of `width`: `tiles` with x, y, w, h, and `rows` with top, height and the indexes of their tiles.
 * More photos go below: what is above the last row stays, however many there are.
 */
export class Rows {
  tiles = [];
  rows = [];
  #shapes = [];
  #isLastFull = true;

  constructor(width, { rowHeight, gap }) {
    Object.assign(this, { width, rowHeight, gap });
  }

  get height() {
    const last = this.rows.at(-1);
    return last === undefined ? 0 : last.top + last.height;
  }

  /** Place photos of these shapes (width / height) below. */
  append(shapes) {
    const { width, rowHeight, gap } = this;
    if (!this.#isLastFull) this.tiles.length = this.rows.pop().first;
    let start = this.tiles.length;
    for (const shape of shapes) this.#shapes.push(clamped(shape));
    let sum = 0;
    for (let index = start; index < this.#shapes.length; index++) {
      sum += this.#shapes[index];
      if (sum * rowHeight + gap * (index - start) < width) continue;
      this.#close(start, index + 1, sum, true);
      start = index + 1;
      sum = 0;
    }
    this.#isLastFull = start === this.#shapes.length;
    if (!this.#isLastFull) this.#close(start, this.#shapes.length, sum, false);
  }

  #close(start, end, sum, isFull) {
    const last = this.rows.at(-1);
    const top = last === undefined ? 0 : last.top + last.height + this.gap;
    const free = this.width - this.gap * (end - start - 1);
    // A row that is not full keeps its height, so that one photo is not blown up to a wall.
    const height = isFull ? free / sum : Math.min(free / sum, this.rowHeight);
    let x = 0;
    for (let index = start; index < end; index++) {
      const w = this.#shapes[index] * height;
      this.tiles.push({ x, y: top, w, h: height });
      x += w + this.gap;
    }
    this.rows.push({ top, height, first: start, last: end - 1 });
  }
}

/** The places of photos of these shapes. */
export function inRows(shapes, width, options) {
  const rows = new Rows(width, options);
  rows.append(shapes);
  return rows;
}

/** The indexes of the first and the last row that touch `from` to `to`; `last` is below `first` if none does. */
export function rowsBetween(rows, from, to) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].top + rows[middle].height < from) low = middle + 1;
    else high = middle;
  }
  let last = low;
  while (last < rows.length && rows[last].top <= to) last++;
  return { first: low, last: last - 1 };
}

/** The tile above (-1) or below (1) the one at `index`: of the next row, the one whose middle is nearest. */
export function tileBeside({ tiles, rows }, index, direction) {
  const { y } = tiles[index];
  const at = rowsBetween(rows, y, y).first;
  const row = rows[at + direction];
  if (row === undefined) return index;
  const middle = tiles[index].x + tiles[index].w / 2;
  let best = row.first;
  for (let other = row.first; other <= row.last; other++) {
    const distance = (tile) => Math.abs(tile.x + tile.w / 2 - middle);
    if (distance(tiles[other]) < distance(tiles[best])) best = other;
  }
  return best;
}

function clamped(shape) {
  return Math.min(Math.max(shape || 1, NARROWEST), WIDEST);
}

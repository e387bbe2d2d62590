// Rows of photos that all reach both edges, each photo in its own shape. Pure, so that it can be tested without a browser.

const NARROWEST = 0.55;
const WIDEST = 2.6;

/**
 * Places of photos of these shapes (width / height) in a page of `width`: `tiles` with x, y, w, h, `rows` with top, height and the
 * indexes of their tiles, and the whole `height`.
 */
export function inRows(shapes, width, { rowHeight, gap }) {
  const tiles = [];
  const rows = [];
  let top = 0;
  let start = 0;
  let sum = 0;
  const close = (end, isLast) => {
    const count = end - start;
    const free = width - gap * (count - 1);
    // A last row that is not full keeps its height, so that one photo is not blown up to a wall.
    const height = isLast ? Math.min(free / sum, rowHeight) : free / sum;
    let x = 0;
    for (let index = start; index < end; index++) {
      const w = clamped(shapes[index]) * height;
      tiles.push({ x, y: top, w, h: height });
      x += w + gap;
    }
    rows.push({ top, height, first: start, last: end - 1 });
    top += height + gap;
    start = end;
    sum = 0;
  };
  for (let index = 0; index < shapes.length; index++) {
    sum += clamped(shapes[index]);
    const count = index + 1 - start;
    if (sum * rowHeight + gap * (count - 1) >= width) close(index + 1, false);
  }
  if (start < shapes.length) close(shapes.length, true);
  return { tiles, rows, height: Math.max(top - gap, 0) };
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
  const at = rows.findIndex((row) => index >= row.first && index <= row.last);
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

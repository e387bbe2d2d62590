// The pure parts of the pages: rows of photos, shifts of clocks, times in films, the size of a selfie, and what "back" leads to from results. Shapes are made up anew from a seed that a failure names.

import assert from "node:assert/strict";
import { test } from "node:test";

const STATIC = new URL("../../functions/photofinish_functions/pages/static/", import.meta.url);
const { inRows, Rows, rowsBetween, tileBeside } = await import(new URL("components/rows.js", STATIC));
const { clock, filmOf, momentsOf, spoken } = await import(new URL("components/film_times.js", STATIC));
const { isSure, shiftOf, shiftText } = await import(new URL("console/shifts.js", STATIC));
const { enterResults } = await import(new URL("runner/results-address.js", STATIC));
const { scaled } = await import(new URL("runner/selfie.js", STATIC));

function random(seed) {
  let state = seed;
  return () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  const next = random(seed * 7919);
  const shapes = Array.from({ length: Math.floor(next() * 400) }, () => 0.3 + next() * 3);
  const width = 280 + next() * 1400;
  const options = { rowHeight: 100 + next() * 240, gap: 4 + Math.floor(next() * 8) };
  const layout = inRows(shapes, width, options);

  test(`rows reach both edges and photos do not overlap, seed ${seed}`, () => {
    assert.equal(layout.tiles.length, shapes.length);
    assert.deepEqual(layout.rows.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, at) => first + at)), [...shapes.keys()]);
    for (const [at, row] of layout.rows.entries()) {
      const tiles = layout.tiles.slice(row.first, row.last + 1);
      const end = tiles.at(-1).x + tiles.at(-1).w;
      if (at < layout.rows.length - 1) assert.ok(Math.abs(end - width) < 0.01, `row ${at} ends at ${end} of ${width}`);
      else assert.ok(end <= width + 0.01);
      for (const [left, right] of tiles.slice(1).map((tile, index) => [tiles[index], tile])) {
        assert.ok(right.x - (left.x + left.w) > options.gap - 0.01);
      }
      if (at > 0) assert.ok(row.top >= layout.rows[at - 1].top + layout.rows[at - 1].height + options.gap - 0.01);
      assert.ok(row.height <= options.rowHeight + 0.01);
    }
  });

  test(`photos that come page by page stand where they stand if all come at once, seed ${seed}`, () => {
    const grown = new Rows(width, options);
    for (let from = 0; from < shapes.length; ) {
      const to = from + Math.floor(next() * 60);
      const above = grown.rows.slice(0, -1);
      grown.append(shapes.slice(from, to));
      assert.ok(above.every((row, at) => grown.rows[at] === row), "a row above the last was arranged anew");
      from = to;
    }
    assert.deepEqual([grown.tiles, grown.rows, grown.height], [layout.tiles, layout.rows, layout.height]);
  });

  test(`the rows of a window are those that touch it, seed ${seed}`, () => {
    for (let tried = 0; tried < 40; tried++) {
      const from = next() * layout.height * 1.4 - 200;
      const to = from + next() * 900;
      const { first, last } = rowsBetween(layout.rows, from, to);
      const touching = layout.rows.flatMap((row, at) => (row.top + row.height >= from && row.top <= to ? [at] : []));
      assert.deepEqual(Array.from({ length: Math.max(last - first + 1, 0) }, (_, at) => first + at), touching);
    }
  });

  test(`arrows up and down go to the next row and stop at the last, seed ${seed}`, () => {
    for (const index of shapes.keys()) {
      for (const direction of [-1, 1]) {
        const at = layout.rows.findIndex((row) => index >= row.first && index <= row.last);
        const wanted = layout.rows[at + direction] ?? layout.rows[at];
        const reached = tileBeside(layout, index, direction);
        assert.ok(reached >= wanted.first && reached <= wanted.last);
      }
    }
  });
}

test("a selfie is at most 1280 pixels a side, keeps its shape and is never made larger", () => {
  assert.deepEqual(scaled(4032, 3024), { width: 1280, height: 960 });
  assert.deepEqual(scaled(3024, 4032), { width: 960, height: 1280 });
  assert.deepEqual(scaled(640, 480), { width: 640, height: 480 });
  assert.deepEqual(scaled(20000, 10), { width: 1280, height: 1 });
});

/** A window with the history of a browser that opened this address of an album. */
function opened(hash, state = null) {
  const entries = [{ state, address: `/a/race${hash}` }];
  const at = () => entries.at(-1);
  const history = {
    get state() {
      return at().state;
    },
    replaceState: (state, _, address) => entries.splice(-1, 1, { state, address }),
    pushState: (state, _, address) => entries.push({ state, address: at().address.split("#")[0] + address }),
  };
  const location = { hash, pathname: "/a/race", search: "" };
  return { window: { history, location }, entries };
}

const RESULTS = { results: true };

for (const hash of ["", "#me", "#bib=525"]) {
  test(`back from results leads to the form where the page was opened at /a/race${hash}`, () => {
    const { window, entries } = opened(hash);
    enterResults({ selfie: null, bib: "525" }, window);
    const form = { state: null, address: "/a/race" };
    assert.deepEqual(entries, [form, { state: RESULTS, address: "/a/race#bib=525" }]);
    enterResults({ selfie: "a selfie", bib: "525" }, window);
    assert.equal(entries.length, 2);
  });
}

test("a page of results that is loaded again keeps the entry it has", () => {
  const { window, entries } = opened("#me", RESULTS);
  enterResults({ selfie: "a selfie", bib: null }, window);
  assert.deepEqual(entries, [{ state: RESULTS, address: "/a/race#me" }]);
});

test("shifts of clocks are written and read as hours, minutes and seconds", () => {
  for (const seconds of [0, 1, -1, 59, 60, 3600, -3600, 3725, -86_399, 360_000]) assert.equal(shiftOf(shiftText(seconds)), seconds);
  for (const [text, seconds] of [["", 0], [" +1:00 ", 3600], ["1:00", 3600], ["-0:30", -1800], ["−0:00:45", -45], ["+26:00", 93_600]]) assert.equal(shiftOf(text), seconds, text);
  for (const wrong of ["1", "1h", "1:60", "1:00:61", "+-1:00", "1:2:3:4", ".5"]) assert.equal(shiftOf(wrong), null, wrong);
  assert.deepEqual([null, { confidence: 0.69 }, { confidence: 0.7 }].map(isSure), [false, false, true]);
});

test("times in films are written as players do, and spoken in the reader's language", () => {
  for (const [seconds, text] of [[0, "0:00"], [3.99, "0:03"], [42, "0:42"], [83, "1:23"], [3723.5, "1:02:03"], [36_000, "10:00:00"]]) assert.equal(clock(seconds), text);
  assert.deepEqual([0.4, 42, 60, 83, 3723].map((seconds) => spoken(seconds, "en")), ["1 second", "42 seconds", "1 minute", "1 minute, 23 seconds", "1 hour, 2 minutes, 3 seconds"]);
  assert.equal(spoken(83, "de"), "1 Minute, 23 Sekunden");
});

test("a found film starts where the person is seen best, and has each moment once, the best one", () => {
  const hit = { duration_s: 90, at_s: 61.2, scene: 2, scene_start_s: 55 };
  const face = { box: { x: 0, y: 0, w: 1, h: 1, at_s: 61.2 } };
  const bib = { number: "7", box: { x: 0, y: 0, w: 1, h: 1, at_s: 4.5 } };
  const film = { duration_s: 90, start_s: 61.2, moments: [4.5, 61.2], scenes: [55] };
  assert.deepEqual(filmOf({ in_video: hit, face, bib }), film);
  assert.deepEqual(filmOf({ in_video: hit, face, bib: { ...bib, box: { at_s: 60.1 } } }).moments, [61.2], "both are one moment");
  const byWords = { duration_s: 90, at_s: null, scene: null, scene_start_s: null };
  assert.deepEqual(filmOf({ in_video: byWords, face: null, bib: null }), { duration_s: 90, start_s: 0, moments: [], scenes: [] });
  assert.deepEqual(momentsOf([null, undefined, { x: 0 }, { at_s: null }, { at_s: 0 }]), [0], "boxes of photos have no time");
});

test("a listed film has its scenes, and a photo is no film", () => {
  const video = { duration_s: 8, scenes: [{ start_s: 0, end_s: 4 }, { start_s: 4, end_s: 8 }] };
  assert.deepEqual(filmOf({ kind: "video", video, faces: [] }), { duration_s: 8, start_s: 0, moments: [], scenes: [0, 4] });
  assert.equal(filmOf({ kind: "photo", video: null }), null);
  assert.equal(filmOf({ in_video: null, face: null, bib: null }), null);
});

// Which photos the grid shows: chips, camera, hour, number. The filter is in the address, so it can be sent and gone back to.

import { el } from "../../elements.js";
import { t } from "../../messages.js";
import { albumPath, api } from "../api.js";
import { select } from "../forms.js";
import { atClock, count } from "../formats.js";

const NAMES = ["status", "without_bib", "is_blurry", "with_warnings", "near_duplicates", "camera", "folder", "bib", "taken_from", "taken_to"];
const CHIPS = [
  ["filter_all", {}],
  ["filter_without_bib", { without_bib: "true" }],
  ["filter_blurry", { is_blurry: "true" }],
  ["filter_near_duplicates", { near_duplicates: "true" }],
  ["status_rejected", { status: "rejected" }],
  ["status_failed", { status: "failed" }],
  ["filter_waiting", { status: "queued" }],
  ["filter_warnings", { with_warnings: "true" }],
];
const CHOSEN_BY_CHIPS = ["status", "without_bib", "is_blurry", "with_warnings", "near_duplicates"];
// Near duplicates are found by time and camera alone, so they are not combined with a number.
const WITHOUT_NUMBER = ["near_duplicates", "without_bib"];
const MAX_HOURS = 72;
const HOUR_MS = 3600 * 1000;

/** The filter of an address: only what the list of photos takes. */
export const filterOf = (query) => Object.fromEntries(NAMES.filter((name) => query.get(name)).map((name) => [name, query.get(name)]));

/** The bar of filters; calls `changed(filter)` with each new one. */
export function filterBar(album, filter, changed, signal) {
  const bar = el("div", { class: "filters", role: "group", "aria-label": t("filters") });
  let now = { ...filter };
  const set = (part, removed) => {
    now = { ...Object.fromEntries(Object.entries(now).filter(([name]) => !removed.includes(name))), ...part };
    press();
    changed(now);
  };
  const chips = CHIPS.map(([key, part]) => el("button", { type: "button", class: "chip", text: t(key), on: { click: () => choose(part) } }));
  const choose = (part) => {
    const isWithout = WITHOUT_NUMBER.some((name) => part[name]);
    if (isWithout) number.value = "";
    set(part, isWithout ? [...CHOSEN_BY_CHIPS, "bib"] : CHOSEN_BY_CHIPS);
  };
  const press = () => {
    const chosen = CHIPS.findIndex(([, part]) => CHOSEN_BY_CHIPS.every((name) => part[name] === now[name]));
    chips.forEach((chip, at) => chip.setAttribute("aria-pressed", String(at === chosen)));
  };
  press();
  const number = el("input", { type: "search", class: "short", "aria-label": t("number"), placeholder: t("number"), value: now.bib ?? "", maxlength: 12 });
  number.addEventListener("change", () => set(number.value.trim() === "" ? {} : { bib: number.value.trim() }, number.value.trim() === "" ? ["bib"] : ["bib", ...WITHOUT_NUMBER]));
  bar.append(...chips, number);
  addCameras(album, bar, now, set, signal).catch(() => {}); // the grid works without
  return bar;
}

async function addCameras(album, bar, now, set, signal) {
  const { cameras } = await api("GET", albumPath(album, "cameras"), { signal });
  if (cameras.length > 1 || now.camera) {
    const camera = select([["", t("all_cameras")], ...cameras.map((one) => [one.name, `${one.name} (${count(one.photos)})`])], { value: now.camera ?? "", "aria-label": t("camera") });
    camera.addEventListener("change", () => set(camera.value === "" ? {} : { camera: camera.value }, ["camera"]));
    bar.append(camera);
  }
  const hours = hoursOf(cameras);
  if (hours.length < 2) return;
  const hour = select([["", t("all_hours")], ...hours.map((one) => [one.from, one.text])], { value: (now.taken_from ?? "").slice(0, 13), "aria-label": t("hour") });
  hour.addEventListener("change", () => {
    const times = hour.value === "" ? {} : { taken_from: `${hour.value}:00:00`, taken_to: `${hour.value}:59:59` };
    set(times, ["taken_from", "taken_to"]);
  });
  bar.append(hour);
}

/** The hours of the day between the first and the last photo, by the cameras' clocks; none where a clock is far off. */
function hoursOf(cameras) {
  const known = cameras.filter((one) => one.first !== null);
  if (known.length === 0) return [];
  const start = Math.min(...known.map((one) => hourBefore(one.first)));
  const end = Math.max(...known.map((one) => hourBefore(one.last)));
  if ((end - start) / HOUR_MS > MAX_HOURS) return [];
  const hours = [];
  for (let at = start; at <= end; at += HOUR_MS) {
    const from = new Date(at).toISOString().slice(0, 13);
    hours.push({ from, text: `${from.slice(0, 10)}, ${atClock(`${from}:00:00`)}` });
  }
  return hours;
}

/** Times of cameras have no zone: they are counted as if in UTC, and shown as they are. */
const hourBefore = (time) => Math.floor(Date.parse(`${time.slice(0, 19)}Z`) / HOUR_MS) * HOUR_MS;

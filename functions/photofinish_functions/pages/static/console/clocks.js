// The clocks of an album's cameras: the shift of each, and what the photos suggest.

import { toast } from "../components/toast.js";
import { el } from "../elements.js";
import { counted, t } from "../messages.js";
import { ApiError, albumPath, api } from "./api.js";
import { button, busily, form } from "./forms.js";
import { share } from "./formats.js";
import { isSure, shiftOf, shiftText } from "./shifts.js";

/** A section for the settings; null where there is no camera yet. */
export async function clocksCard(album, signal) {
  const path = albumPath(album, "cameras");
  const { cameras } = await api("GET", path, { signal }).catch((error) => (error.status === 404 ? { cameras: [] } : Promise.reject(error)));
  if (cameras.length === 0) return null;
  const rows = cameras.map((camera) => row(camera));
  const find = button(t("find_shifts"));
  find.addEventListener("click", () => busily(find, () => suggest(path, rows, signal)).catch((error) => toast(error.message)));
  const list = el("ul", { class: "plain rows", "aria-label": t("clocks") }, ...rows.map((one) => one.element));
  const save = async () => {
    await api("PUT", path, { body: { shifts_s: shiftsOf(rows) } });
    toast(t("saved"));
  };
  return el(
    "section",
    { class: "card stack" },
    el("h2", { text: t("clocks") }),
    el("p", { class: "soft", text: t("clocks_text") }),
    form([list], { label: t("save_shifts"), save, kind: "", more: [find] }),
  );
}

function row(camera) {
  const input = el("input", { class: "short", value: shiftText(camera.shift_s), "aria-label": t("shift_of", { camera: camera.name }), autocomplete: "off", spellcheck: "false" });
  const found = el("span", { class: "soft small", role: "status" });
  const span = camera.first === null ? "" : ` · ${camera.first.slice(0, 16).replace("T", " ")} – ${camera.last.slice(0, 16).replace("T", " ")}`;
  const element = el("li", {}, el("strong", { text: camera.name }), el("span", { class: "soft small", text: `${counted("photos", camera.photos)}${span}` }), found, input);
  return { name: camera.name, input, found, element };
}

/** What the photos suggest; a sure shift is filled in, and saved only by the button. */
async function suggest(path, rows, signal) {
  const { cameras, reference } = await api("GET", path, { query: { find: true }, signal });
  const byName = new Map(cameras.map((camera) => [camera.name, camera.found]));
  for (const { name, input, found } of rows) {
    const one = byName.get(name) ?? null;
    if (name === reference) found.textContent = t("clock_is_reference");
    else if (one === null) found.textContent = t("no_shift_found");
    else found.textContent = t("shift_found", { shift: shiftText(one.shift_s), agreeing: one.agreeing, subjects: one.subjects, confidence: share(one.confidence) });
    if (isSure(one)) input.value = shiftText(one.shift_s);
  }
}

function shiftsOf(rows) {
  const shifts = rows.map(({ name, input }) => [name, shiftOf(input.value)]);
  const wrong = shifts.find(([, shift]) => shift === null);
  if (wrong !== undefined) throw new ApiError(422, "invalid_value", t("not_a_shift", { camera: wrong[0] }));
  return Object.fromEntries(shifts.filter(([, shift]) => shift !== 0));
}

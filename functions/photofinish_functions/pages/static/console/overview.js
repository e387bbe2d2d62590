// An album at a glance: how far the analysis is, how fast it goes, when it will end, what was found and what failed.

import "../components/progress.js";
import { el, icon } from "../elements.js";
import { counted, day, has, t } from "../messages.js";
import { albumPath, api } from "./api.js";
import { empty, failure } from "./forms.js";
import { atClock, count, dollars, duration, rate, share } from "./formats.js";
import { follow } from "./live.js";
import { addressOf } from "./router.js";

const MAX_BARS = 48;

export async function overviewView({ album }, { session, signal }) {
  const content = el("div", { class: "overview" });
  const uploads = el("a", { class: "button primary", href: addressOf({ album, view: "upload" }) }, icon("picture"), t("section_upload"));
  const first = await read(album, session, signal);
  draw(content, album, first);
  const update = async () => {
    try {
      draw(content, album, await read(album, session, signal));
    } catch (error) {
      if (!signal.aborted && content.querySelector(".notice.bad") === null) content.prepend(failure(error));
    }
  };
  follow(album, update, signal);
  return { title: first.album?.title ?? album, actions: session.scope === "search" ? [] : [uploads], content: [content] };
}

async function read(album, session, signal) {
  const isOfAll = session.albums === null;
  const [shown, statistics, queue, cost] = await Promise.all([
    orNothing(api("GET", albumPath(album), { signal })),
    orNothing(api("GET", albumPath(album, "statistics"), { signal })),
    isOfAll ? api("GET", "/queue", { signal }) : null,
    orNothing(api("GET", albumPath(album, "cost"), { signal })),
  ]);
  return { album: shown, statistics, queue, cost };
}

/** An album that was created and has no photo yet is unknown to some routes. */
const orNothing = (asked) =>
  asked.catch((error) => {
    if (error.status === 404) return null;
    throw error;
  });

function draw(content, album, { album: shown, statistics, queue, cost }) {
  const by = shown?.photos_by_status ?? {};
  const total = Object.values(by).reduce((sum, one) => sum + one, 0) - (by.erased ?? 0);
  if (total === 0) {
    content.replaceChildren(empty("picture", t("no_photos_title"), t("no_photos_text"), el("a", { class: "button primary", href: addressOf({ album, view: "upload" }), text: t("section_upload") })));
    return;
  }
  const waiting = (by.queued ?? 0) + (by.processing ?? 0);
  const facts = [
    [t("section_photos"), count(total), addressOf({ album, view: "photos" })],
    [t("fact_faces"), count(statistics?.faces ?? shown.faces), null],
    [t("fact_people"), count(statistics?.people ?? 0), addressOf({ album, view: "people" })],
    [t("fact_with_number"), statistics?.share_with_bib == null ? "–" : share(statistics.share_with_bib), addressOf({ album, view: "photos", query: { without_bib: "true" } })],
    [t("status_rejected"), count(by.rejected ?? 0), addressOf({ album, view: "photos", query: { status: "rejected" } })],
    [t("status_failed"), count(by.failed ?? 0), addressOf({ album, view: "photos", query: { status: "failed" } })],
    ...(cost === null ? [] : [[t(cost.is_billed ? "fact_cost" : "fact_cost_in_cloud"), dollars(cost.usd), null]]),
  ];
  content.replaceChildren(
    progressOf(total, waiting, shown, queue, cost),
    el("dl", { class: "facts" }, ...facts.map(([name, value, href]) => el("div", {}, el("dt", { text: name }), el("dd", {}, href === null ? value : el("a", { href, text: value }))))),
    ...(statistics === null ? [] : [hours(statistics), causes(statistics), cameras(statistics, album)]).filter(Boolean),
  );
}

function progressOf(total, waiting, shown, queue, cost) {
  const done = total - waiting;
  const halted = cost?.budget?.is_halted ? cost.budget : null;
  const bar = el("pf-progress", { value: done, max: total, label: t("analysed_of", { done, total }) });
  const sentences = [];
  if (waiting > 0 && halted === null && queue?.photos_per_s) sentences.push(t("rate_now", { rate: rate(queue.photos_per_s) }));
  if (waiting > 0 && halted === null && queue?.ends_at) {
    const left_s = (new Date(queue.ends_at) - Date.now()) / 1000;
    sentences.push(t("ends_at", { time: atClock(queue.ends_at), duration: duration(Math.max(left_s, 1)) }));
  }
  if (waiting > 0 && halted === null && queue !== null && queue.tasks.length === 0) sentences.push(t("no_task_yet"));
  if (waiting > 0 && cost !== null) sentences.push(t("cost_queued", { usd: dollars(cost.usd_queued) }));
  if (waiting === 0) sentences.push(t("all_analysed"));
  if (shown.ends_on) sentences.push(t("kept_until", { day: day(shown.ends_on) }));
  const slow = shown.gpu_refused === null ? null : warning(t("gpu_refused", { reason: shown.gpu_refused.reason }));
  const stopped = halted === null ? null : warning(t("budget_used_up", { usd: dollars(halted.usd) }));
  return el("section", { class: "card stack", "aria-label": t("progress") }, bar, el("p", { class: "soft", role: "status", text: sentences.join(" ") }), stopped, slow);
}

const warning = (text) => el("p", { class: "notice warn" }, icon("warning"), el("span", { text }));

/** Photos by the hour of their result, as bars; a table for those who cannot see them. */
function hours({ by_hour: byHour }) {
  const shown = byHour.slice(-MAX_BARS);
  if (shown.length < 2) return null;
  const most = Math.max(...shown.map((hour) => hour.photos));
  const bars = shown.map((hour) => {
    const bar = el("span", { class: "bar", title: `${atClock(hour.hour)}: ${counted("photos", hour.photos)}` });
    bar.style.setProperty("--height", hour.photos / most);
    return bar;
  });
  const label = t("by_hour_label", { from: atClock(shown[0].hour), to: atClock(shown.at(-1).hour) });
  return el("section", { class: "card stack" }, el("h2", { text: t("by_hour") }), el("div", { class: "bars", role: "img", "aria-label": label }, ...bars));
}

function causes({ by_code: byCode }) {
  if (byCode.length === 0) return null;
  const rows = byCode.map(({ code, rejected, failed }) => [has(`cause_${code}`) ? t(`cause_${code}`) : code, count(rejected + failed)]);
  return table(t("why_rejected"), [t("reason"), t("section_photos")], rows);
}

function cameras({ by_camera: byCamera }, album) {
  if (byCamera.length < 2) return null;
  const rows = byCamera.slice(0, 12).map((one) => {
    const name = one.camera === null ? t("no_camera") : el("a", { href: addressOf({ album, view: "photos", query: { camera: one.camera } }), text: one.camera });
    return [name, count(one.photos), one.share_with_bib === null ? "–" : share(one.share_with_bib)];
  });
  return table(t("cameras"), [t("camera"), t("section_photos"), t("fact_with_number")], rows);
}

function table(title, heads, rows) {
  const head = el("tr", {}, ...heads.map((text, at) => el("th", { scope: "col", class: at > 0 ? "number" : null, text })));
  const body = rows.map((cells) => el("tr", {}, ...cells.map((cell, at) => el("td", { class: at > 0 ? "number" : null }, cell))));
  return el("section", { class: "card stack" }, el("h2", { text: title }), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, el("table", { class: "table" }, el("thead", {}, head), el("tbody", {}, ...body))));
}

// Drop photos: folders or files, how far they are, what was not taken and why.

import "../../components/progress.js";
import { toast } from "../../components/toast.js";
import { el, icon } from "../../elements.js";
import { counted, t } from "../../messages.js";
import { albumPath, api, items, pause } from "../api.js";
import { button } from "../forms.js";
import { bytes, duration } from "../formats.js";
import { addressOf } from "../router.js";
import { ofDrop, ofInput, sorted } from "./picked.js";
import { endLeftBatches, Uploader } from "./uploader.js";

const SHOWN_NAMES = 200;
const POLL_S = 2;
// Uploads go on while the reader looks at other views of the console.
const running = new Map();

export async function uploadView({ album }, { signal }) {
  const run = (running.get(album) ?? running.set(album, new Run(album)).get(album));
  const progress = el("div", { class: "stack" });
  run.show = () => !signal.aborted && drawProgress(progress, run);
  run.show();
  const folder = el("input", { type: "file", multiple: true, webkitdirectory: true, hidden: true, "aria-label": t("choose_folder"), tabindex: "-1" });
  const files = el("input", { type: "file", multiple: true, hidden: true, accept: "image/*,video/*,.mkv,.heic,.heif,.cr2,.cr3,.nef,.arw,.dng,.raf,.orf,.rw2", "aria-label": t("choose_files"), tabindex: "-1" });
  for (const input of [folder, files]) {
    input.addEventListener("change", () => {
      run.add(ofInput(input));
      input.value = "";
    });
  }
  const zone = el(
    "div",
    { class: "drop-zone" },
    icon("pictures"),
    el("h2", { text: t("drop_title") }),
    el("p", { class: "soft", text: t("drop_text") }),
    el("div", { class: "row" }, button(t("choose_folder"), { kind: "primary", on: { click: () => folder.click() } }), button(t("choose_files"), { on: { click: () => files.click() } })),
    folder,
    files,
  );
  acceptDrops(zone, (transfer) => ofDrop(transfer).then((picked) => run.add(picked)), signal);
  const look = el("a", { class: "button", href: addressOf({ album, view: "photos" }), text: t("look_at_photos") });
  return { title: t("section_upload"), actions: [look], content: [zone, progress] };
}

function acceptDrops(zone, take, signal) {
  const over = (isOver) => zone.classList.toggle("over", isOver);
  // The whole window takes drops: a photo that misses the zone must not replace the page.
  window.addEventListener("dragover", (event) => (event.preventDefault(), over(true)), { signal });
  window.addEventListener("dragleave", (event) => event.relatedTarget === null && over(false), { signal });
  window.addEventListener("drop", (event) => (event.preventDefault(), over(false), take(event.dataTransfer)), { signal });
}

/** The uploads into one album since the page was opened. */
class Run {
  constructor(album) {
    this.album = album;
    this.show = () => {};
    this.others = [];
    this.results = [];
    this.error = null;
    this.isDrawing = false;
    this.uploader = new Uploader(album, () => this.#changed());
    this.queue = endLeftBatches(album);
  }

  add(picked) {
    const { photos, others } = sorted(picked);
    this.others.push(...others);
    if (photos.length === 0) {
      toast(t("no_photos_picked"));
      this.show();
      return;
    }
    this.#run(() => this.uploader.run(photos));
  }

  retry() {
    this.#run(() => this.uploader.retry());
  }

  #run(work) {
    this.queue = this.queue.then(async () => {
      this.error = null;
      window.addEventListener("beforeunload", warn);
      const following = this.#follow();
      try {
        await work();
      } catch (error) {
        this.error = error;
      } finally {
        window.removeEventListener("beforeunload", warn);
        this.show();
      }
      await following;
    });
  }

  /** Keep the state of all batches up to date, until they are sent and analysed. */
  async #follow() {
    const { state } = this.uploader;
    do {
      await pause(POLL_S);
      for (const batch of state.batches.filter((one) => one.state === "open")) {
        const page = await api("GET", albumPath(this.album, "batches", batch.batch_id), { query: { limit: 1 } }).catch(() => null);
        if (page === null) continue;
        const before = batch.counts.rejected + batch.counts.failed;
        Object.assign(batch, page.batch);
        if (batch.counts.rejected + batch.counts.failed > before) await this.#readProblems(batch);
      }
      this.show();
    } while (state.isRunning || (this.error === null && state.unsent.length === 0 && state.batches.some((one) => one.state === "open")));
  }

  async #readProblems(batch) {
    const found = [];
    for (const status of ["rejected", "failed"]) {
      for await (const file of items(albumPath(this.album, "batches", batch.batch_id), "files", { query: { status, limit: 200 } })) {
        found.push({ batchId: batch.batch_id, ...file });
        if (found.length >= SHOWN_NAMES) break;
      }
    }
    this.results = [...this.results.filter((one) => one.batchId !== batch.batch_id), ...found];
  }

  #changed() {
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => {
      this.isDrawing = false;
      this.show();
    });
  }
}

function warn(event) {
  event.preventDefault();
}

function drawProgress(place, run) {
  const { state } = run.uploader;
  const sections = [];
  const list = (key, pairs, title, action = null) => pairs.length > 0 && sections.push([key, pairs.length, () => problems(title, listOf(pairs), action)]);
  if (state.files > 0) sections.push(["sending", null, () => sending(run)], ["analysing", null, () => analysing(run)]);
  if (run.error !== null) sections.push(["error", run.error, () => el("p", { class: "notice bad", role: "alert", text: run.error.message })]);
  const again = button(t("send_again"), { kind: "primary", on: { click: () => run.retry() } });
  list("unsent", state.unsent.map(({ name }) => [name, t("not_sent")]), counted("files_not_sent", state.unsent.length), again);
  list("results", run.results.map(({ name, error }) => [name, error?.message ?? ""]), t("not_taken"));
  list("present", state.present.map((name) => [name, ""]), counted("files_present", state.present.length));
  list("others", run.others.map((name) => [name, ""]), counted("files_no_photo", run.others.length));
  // What has not changed stays the same element, so that an opened list stays open while the bars move.
  const before = place.parts ?? new Map();
  place.parts = new Map(
    sections.map(([key, signature, make]) => {
      const known = before.get(key);
      return [key, known !== undefined && signature !== null && known.signature === signature ? known : { signature, element: make() }];
    }),
  );
  place.replaceChildren(...[...place.parts.values()].map(({ element }) => element));
}

function sending({ uploader: { state } }) {
  const passed_s = (performance.now() - state.startedAt) / 1000;
  const perSecond = state.sentBytes / Math.max(passed_s, 0.1);
  const left = state.bytes - state.sentBytes;
  const sentences = [t("sent_bytes", { sent: bytes(state.sentBytes), total: bytes(state.bytes) })];
  if (state.isRunning && perSecond > 0 && passed_s > 3) sentences.push(t("sent_rate", { rate: bytes(perSecond), duration: duration(left / perSecond) }));
  if (state.isRunning && !navigator.onLine) sentences.unshift(t("waits_for_network"));
  const bar = el("pf-progress", { value: state.sentBytes, max: Math.max(state.bytes, 1), label: t("sent_of", { sent: state.sentFiles, total: state.files }) });
  return el("section", { class: "card stack", "aria-label": t("sending") }, bar, el("p", { class: "soft small", text: sentences.join(" · ") }));
}

function analysing({ uploader: { state } }) {
  const sum = (status) => state.batches.reduce((total, batch) => total + batch.counts[status], 0);
  const done = sum("done") + sum("rejected") + sum("failed");
  const perSecond = state.batches.reduce((total, batch) => total + batch.results_per_s, 0);
  const left_s = perSecond > 0 ? (state.files - done) / perSecond : null;
  const facts = [counted("photos_done", sum("done"))];
  if (sum("rejected") + sum("failed") > 0) facts.push(counted("photos_rejected", sum("rejected") + sum("failed")));
  if (left_s !== null && done < state.files) facts.push(t("ready_in", { duration: duration(left_s) }));
  const bar = el("pf-progress", { value: done, max: Math.max(state.files, 1), label: t("analysed_of", { done, total: state.files }) });
  return el("section", { class: "card stack", "aria-label": t("analysis") }, bar, el("p", { class: "soft small", role: "status", text: facts.join(" · ") }));
}

function problems(title, list, action = null) {
  return el("details", { class: "card", open: action !== null }, el("summary", { text: title }), list, action);
}

function listOf(pairs) {
  const shown = pairs.slice(0, SHOWN_NAMES).map(([name, why]) => el("li", {}, el("span", { class: "file-name", text: name }), why === "" ? null : el("span", { class: "soft small", text: why })));
  if (pairs.length > SHOWN_NAMES) shown.push(el("li", { class: "soft", text: counted("more_files", pairs.length - SHOWN_NAMES) }));
  return el("ul", { class: "plain files" }, ...shown);
}

// Announces files in batches of a thousand, sends some at once, and follows what becomes of them.

import { albumPath, api, items } from "../api.js";
import { NotTaken, send } from "./sending.js";

export const BATCH_FILES = 1000;
const AT_ONCE = 4;

/** One run of uploads into one album. `changed` is called after each step; the numbers to show are in `state`. */
export class Uploader {
  #stop = new AbortController();

  constructor(album, changed) {
    this.album = album;
    this.changed = changed;
    this.state = { files: 0, bytes: 0, sentFiles: 0, sentBytes: 0, startedAt: null, isRunning: false, present: [], unsent: [], batches: [] };
    this.arrived = new Map();
  }

  /** Send `photos`; resolves when all were sent or given up. */
  async run(photos) {
    const { state } = this;
    state.files += photos.length;
    state.bytes += photos.reduce((sum, { file }) => sum + file.size, 0);
    state.startedAt ??= performance.now();
    state.isRunning = true;
    this.changed();
    try {
      for (let at = 0; at < photos.length; at += BATCH_FILES) await this.#sendBatch(photos.slice(at, at + BATCH_FILES));
    } finally {
      state.isRunning = false;
      this.changed();
    }
  }

  stop() {
    this.#stop.abort(new DOMException("", "AbortError"));
  }

  /** Send again what could not be sent. */
  retry() {
    const again = this.state.unsent;
    this.state.unsent = [];
    this.#leaveOut(again);
    return this.run(again);
  }

  async #sendBatch(photos) {
    const announced = await this.#announce(photos);
    if (announced === null) return;
    const { batch, uploads, wanted } = announced;
    this.state.batches.push(batch);
    remember(this.album, batch.batch_id);
    // The lock says to other tabs, and to this one after a reload, that this batch is being sent.
    await navigator.locks.request(lockOf(batch.batch_id), () => this.#sendAll(wanted, uploads));
    forget(this.album, batch.batch_id);
  }

  async #announce(photos) {
    let wanted = photos;
    for (;;) {
      if (wanted.length === 0) return null;
      const files = wanted.map(({ name, file, type }) => ({ name, size: file.size, content_type: type }));
      try {
        const answer = await api("POST", albumPath(this.album, "batches"), { body: { files }, signal: this.#stop.signal });
        return { ...answer, wanted };
      } catch (error) {
        if (error.code !== "photo_exists") throw error;
        const there = await this.#namesOf(wanted);
        const known = wanted.filter(({ name }) => there.has(name));
        if (known.length === 0) throw error;
        this.state.present.push(...known.map(({ name }) => name));
        this.#leaveOut(known);
        wanted = wanted.filter(({ name }) => !there.has(name));
        this.changed();
      }
    }
  }

  /** Names of the photos that the album has in the folder that these are in. */
  async #namesOf(photos) {
    const folders = new Set(photos.map(({ name }) => (name.includes("/") ? name.slice(0, name.indexOf("/")) : "")));
    const folder = folders.size === 1 ? [...folders][0] : "";
    const found = new Set();
    for await (const { photo } of items(albumPath(this.album, "photos"), "photos", { query: { limit: 200, folder }, signal: this.#stop.signal })) {
      found.add(photo.name.slice(this.album.length + 1));
    }
    return found;
  }

  #leaveOut(photos) {
    this.state.files -= photos.length;
    this.state.bytes -= photos.reduce((sum, { file }) => sum + file.size, 0);
  }

  async #sendAll(photos, uploads) {
    const left = photos.map((photo, at) => ({ ...photo, upload: uploads[at].upload }));
    const workers = Array.from({ length: AT_ONCE }, async () => {
      while (left.length > 0) await this.#sendOne(left.shift());
    });
    await Promise.all(workers);
  }

  async #sendOne(photo) {
    const { state } = this;
    let counted = 0;
    const progress = (bytes) => {
      state.sentBytes += bytes - counted;
      counted = bytes;
      this.changed();
    };
    try {
      await send(photo.file, photo.upload, { progress, signal: this.#stop.signal });
      state.sentFiles += 1;
    } catch (error) {
      // A file that cannot be read any more, as of a card that was taken out, fails alone.
      if (!(error instanceof NotTaken) && error.name !== "NotReadableError") throw error;
      progress(0);
      if (error.status === 412) {
        state.present.push(photo.name);
        this.#leaveOut([photo]);
      } else state.unsent.push(photo);
    }
    this.changed();
  }
}

/** End batches that were left when a page was closed: what arrived stays, and their other files can be announced anew. */
export async function endLeftBatches(album) {
  for (const batchId of known(album)) {
    await navigator.locks.request(lockOf(batchId), { ifAvailable: true }, async (lock) => {
      if (lock === null) return;
      await api("POST", albumPath(album, "batches", batchId, "cancel")).catch(() => null); // ended by itself
      forget(album, batchId);
    });
  }
}

const lockOf = (batchId) => `photofinish-upload-${batchId}`;
const keyOf = (album) => `uploads:${album}`;
const known = (album) => JSON.parse(localStorage.getItem(keyOf(album)) ?? "[]");
const keep = (album, ids) => localStorage.setItem(keyOf(album), JSON.stringify(ids));
const remember = (album, batchId) => keep(album, [...known(album), batchId]);
const forget = (album, batchId) => keep(album, known(album).filter((one) => one !== batchId));

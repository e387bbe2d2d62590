// The numbers that wait for a decision: one after the other, the next ones read ahead.

import { albumPath, api, items } from "../api.js";

const AHEAD = 4;

/** Numbers that are inferred for people and not decided, as `{person, number}`; the likeliest of each person first. */
export class NumberQueue {
  #people;
  #ready = [];
  #reading = null;

  constructor(album, signal) {
    Object.assign(this, { album, signal, isComplete: false, decided: [] });
    this.#people = items(albumPath(album, "people"), "people", { query: { limit: 100 }, signal });
  }

  /** The next number; null after the last one. */
  async next() {
    while (this.#ready.length === 0 && !this.isComplete) await this.#read();
    const taken = this.#ready.shift() ?? null;
    if (this.#ready.length < AHEAD && !this.isComplete) this.#read().catch(() => {});
    return taken;
  }

  /** Put a number back, in front. */
  putBack(one) {
    this.#ready.unshift(one);
  }

  decide({ person, number }, confirmed) {
    const path = albumPath(this.album, "people", person.person_id, "numbers", number.number);
    return api("PUT", path, { body: { confirmed } });
  }

  undo(operationId) {
    return api("POST", albumPath(this.album, "people-operations", String(operationId), "undo"));
  }

  #read() {
    this.#reading ??= this.#readPerson().finally(() => (this.#reading = null));
    return this.#reading;
  }

  async #readPerson() {
    const { value: listed, done } = await this.#people.next();
    if (done) {
      this.isComplete = true;
      return;
    }
    if (listed.bib_numbers.length === 0) return;
    const { numbers } = await api("GET", albumPath(this.album, "people", listed.person_id), { signal: this.signal });
    this.#ready.push(...numbers.filter((one) => one.state === "inferred" && one.part_of === null).map((number) => ({ person: listed, number })));
  }
}

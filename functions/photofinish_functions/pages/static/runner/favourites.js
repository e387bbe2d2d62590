// Photos that the reader likes, kept in this browser only, by album; other tabs hear of changes.

export class Favourites extends EventTarget {
  #key;
  #ids;

  constructor(album) {
    super();
    this.#key = `photofinish:favourites:${album}`;
    this.#read();
    addEventListener("storage", (event) => {
      if (event.key !== this.#key) return;
      this.#read();
      this.dispatchEvent(new Event("change"));
    });
  }

  has(id) {
    return this.#ids.has(id);
  }

  get size() {
    return this.#ids.size;
  }

  toggle(id) {
    this.#read();
    if (!this.#ids.delete(id)) this.#ids.add(id);
    try {
      localStorage.setItem(this.#key, JSON.stringify([...this.#ids]));
    } catch {
      // Private windows may refuse to store: then a favourite lasts as long as the page.
    }
    this.dispatchEvent(new Event("change"));
  }

  #read() {
    try {
      this.#ids = new Set(JSON.parse(localStorage.getItem(this.#key)) ?? []);
    } catch {
      this.#ids ??= new Set();
    }
  }
}

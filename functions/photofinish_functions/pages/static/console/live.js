// Says when something happened to an album: by its live stream where the page knows one, else every few seconds.

import { albumPath, api, pause } from "./api.js";

const POLL_S = 4;
const AT_MOST_EVERY_MS = 1500;
const RECONNECT_S = 3;

/** Call `changed()` at once and after each change of the album, at most every second or so, until `signal` aborts. */
export function follow(album, changed, signal) {
  const live = document.querySelector('meta[name="live-origin"]')?.content;
  let asked = false;
  let isRunning = false;
  const run = async () => {
    if (isRunning) {
      asked = true;
      return;
    }
    isRunning = true;
    do {
      asked = false;
      if (!document.hidden) await changed();
      await new Promise((resolve) => setTimeout(resolve, AT_MOST_EVERY_MS));
    } while (asked && !signal.aborted);
    isRunning = false;
  };
  document.addEventListener("visibilitychange", () => document.hidden || run(), { signal });
  run();
  (live ? listen(live, album, run, signal) : poll(run, signal)).catch(() => {});
}

async function poll(run, signal) {
  for (;;) {
    await pause(POLL_S, signal);
    run();
  }
}

async function listen(live, album, run, signal) {
  for (;;) {
    const { ticket } = await api("POST", albumPath(album, "events", "tickets"), { signal });
    const stream = new EventSource(`${live}/v1${albumPath(album, "events", "stream")}?ticket=${encodeURIComponent(ticket)}`);
    const end = () => stream.close();
    signal.addEventListener("abort", end);
    stream.addEventListener("message", run);
    await new Promise((resolve) => {
      stream.addEventListener("error", resolve);
      stream.addEventListener("end", resolve);
      signal.addEventListener("abort", resolve);
    });
    stream.close();
    signal.removeEventListener("abort", end);
    signal.throwIfAborted();
    run();
    await pause(RECONNECT_S, signal);
  }
}

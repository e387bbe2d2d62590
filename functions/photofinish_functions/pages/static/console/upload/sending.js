// Sends one file to the bucket: in parts, and after an interruption on from what has arrived.

import { pause } from "../api.js";

const PART_BYTES = 8 * 1024 * 1024; // a multiple of 256 KiB, as resumable uploads demand
const ATTEMPTS = 30;
const PERMANENT = [400, 401, 403, 404, 410, 412, 413];

/** The bucket does not take the file, and would not if it were sent again. */
export class NotTaken extends Error {
  constructor(status) {
    super(String(status));
    this.status = status;
  }
}

/** Send `file` as its announcement says; tells `progress(bytes)` how much has arrived. */
export async function send(file, upload, { progress, signal }) {
  const session = await start(upload, signal);
  let arrived = 0;
  let mustAsk = false; // after an interruption only the bucket knows what it has
  for (let failures = 0; failures < ATTEMPTS; ) {
    const part = mustAsk ? new Blob() : file.slice(arrived, arrived + PART_BYTES);
    const range = `bytes ${mustAsk ? "*" : `${arrived}-${arrived + part.size - 1}`}/${file.size}`;
    const answer = await request(session, { method: "PUT", headers: { "Content-Range": range }, body: part, signal });
    if (answer === null || answer.status >= 500 || answer.status === 429) {
      failures += 1;
      mustAsk = true;
      await pause(waitOf(failures), signal);
      continue;
    }
    if (answer.ok) return progress(file.size);
    if (answer.status !== 308) throw new NotTaken(answer.status);
    mustAsk = false;
    const received = answer.headers.get("Range"); // bytes=0-8388607; none: nothing has arrived
    arrived = received === null ? 0 : Number(received.split("-").at(-1)) + 1;
    progress(arrived);
  }
  throw new NotTaken(0);
}

async function start({ url, method, headers }, signal) {
  for (let failures = 1; failures <= ATTEMPTS; failures += 1) {
    const answer = await request(url, { method, headers, signal });
    if (answer?.ok) return answer.headers.get("Location");
    if (answer !== null && PERMANENT.includes(answer.status)) throw new NotTaken(answer.status);
    await pause(waitOf(failures), signal);
  }
  throw new NotTaken(0);
}

const waitOf = (failures) => Math.min(2 ** (failures - 2), 15);

/** The answer; null where the network failed. */
async function request(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (options.signal.aborted) throw error;
    return null;
  }
}

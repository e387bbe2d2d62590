// Upload a folder of photos as one batch, straight to the bucket, and wait for the results; a page does the same with its
// files' `slice`.
//
//     PHOTOFINISH_API_URL=… PHOTOFINISH_API_KEY=… node upload_batch.mjs ALBUM FOLDER
//
// Prints the batch as JSON. Needs Node 20, and no package.

import { randomUUID } from "node:crypto";
import { openAsBlob } from "node:fs";
import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const PART_BYTES = 1024 * 1024; // a multiple of 256 KiB
const ATTEMPTS = 20;
const TYPES = { ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".heic": "image/heic" };
const api = process.env.PHOTOFINISH_API_URL;
const headers = { "X-Api-Key": process.env.PHOTOFINISH_API_KEY };
const [album, folder] = process.argv.slice(2);

const names = (await readdir(folder)).sort();
const files = await Promise.all(names.map((name) => openAsBlob(join(folder, name), { type: TYPES[extname(name)] })));
const created = await createBatch();
for (const [index, { upload }] of created.uploads.entries()) {
  await send(files[index], upload);
}
console.log(JSON.stringify(await result(created.poll_url)));

// The key makes a repetition after a lost answer safe: there is one batch, whatever happens.
async function createBatch() {
  const key = randomUUID();
  const body = { files: names.map((name, index) => ({ name, size: files[index].size, content_type: files[index].type })) };
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const answer = await fetch(`${api}/v1/albums/${encodeURIComponent(album)}/batches`, {
      method: "POST",
      headers: { ...headers, "Content-Type": "application/json", "Idempotency-Key": key },
      body: JSON.stringify(body),
    }).catch(() => null);
    if (answer?.ok) {
      return answer.json();
    }
    if (answer && !answer.headers.has("Retry-After")) {
      throw new Error(await answer.text());
    }
    await pause(1000 * Number(answer?.headers.get("Retry-After") ?? 1));
  }
  throw new Error("The API does not answer: try again later.");
}

async function send(file, target) {
  const started = await fetch(target.url, { method: target.method, headers: target.headers });
  if (!started.ok) {
    throw new Error(await started.text());
  }
  const session = started.headers.get("Location");
  let sent = 0;
  let isInterrupted = false; // then the server is asked what it has
  for (let attempt = 0; attempt < file.size / PART_BYTES + ATTEMPTS; attempt += 1) {
    const part = isInterrupted ? new Blob() : file.slice(sent, sent + PART_BYTES);
    const range = `bytes ${isInterrupted ? "*" : `${sent}-${sent + part.size - 1}`}/${file.size}`;
    const answer = await fetch(session, { method: "PUT", headers: { "Content-Range": range }, body: part }).catch(() => null);
    isInterrupted = answer === null;
    if (answer === null) {
      await pause(1000);
      continue;
    }
    if (answer.status !== 308) {
      if (!answer.ok) {
        throw new Error(await answer.text());
      }
      return;
    }
    const received = answer.headers.get("Range"); // bytes=0-1048575; none: nothing was received
    sent = received ? Number(received.split("-").at(-1)) + 1 : 0;
  }
  throw new Error("A file could not be uploaded: try again later.");
}

async function result(pollUrl) {
  for (;;) {
    const answer = await fetch(`${api}${pollUrl}?limit=1000`, { headers });
    if (!answer.ok) {
      throw new Error(await answer.text());
    }
    const page = await answer.json();
    if (page.batch.state !== "open") {
      return page;
    }
    await pause(1000 * Number(answer.headers.get("Retry-After")));
  }
}

// What an app does with the types that openapi-typescript generated: api_smoke.mjs URL KEY SELFIE. The album `race` has
// two photos; the selfie shows the person of one of them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./api_schema.js";

const [url, key, selfiePath] = process.argv.slice(2) as [string, string, string];
const client = createClient<paths>({ baseUrl: url, headers: { "X-Api-Key": key } });
const race = { path: { album: "race" } } as const;

const albums = await client.GET("/v1/albums");
assert.deepEqual(albums.data?.albums.map((album) => album.album), ["race"]);

// page by page
const names: string[] = [];
let photos: components["schemas"]["PhotoAnswer"][] = [];
let cursor: string | null = null;
do {
  const query: { status: "done"; limit: number; cursor?: string } = { status: "done", limit: 1 };
  if (cursor !== null) query.cursor = cursor;
  const { data } = await client.GET("/v1/albums/{album}/photos", { params: { ...race, query } });
  assert.ok(data);
  photos = data.photos;
  names.push(...photos.map((one) => one.photo.name));
  cursor = data.next_cursor;
} while (cursor !== null);
assert.deepEqual(names, ["race/1.jpg", "race/2.jpg"]);

// a search by JSON, and by a form with a picture
const byBib = await client.POST("/v1/albums/{album}/search", { params: race, body: { bib: "42", limit: 5 } });
assert.equal(byBib.data?.photos[0]?.photo.name, "race/1.jpg");
assert.equal(byBib.data?.photos[0]?.bib?.inferred, false);
const bySelfie = await client.POST("/v1/albums/{album}/search", {
  params: race,
  body: { selfie: [""], limit: 5 },
  bodySerializer: () => {
    const form = new FormData();
    form.append("selfie", new Blob([readFileSync(selfiePath)]), "me.jpg");
    form.append("limit", "5");
    return form;
  },
});
assert.equal(bySelfie.data?.photos[0]?.photo.name, "race/1.jpg");
const box: components["schemas"]["Box"] | undefined = bySelfie.data?.photos[0]?.face?.box;
assert.ok(box && box.w > 0 && box.h > 0);

// changes, an answer without a body, and null
const made = await client.POST("/v1/albums/{album}/people", { params: race, body: { name: "Ada" } });
assert.ok(made.data);
const person = { path: { album: "race", person_id: made.data.person.person_id } };
const renamed = await client.PATCH("/v1/albums/{album}/people/{person_id}", { params: person, body: { name: null } });
assert.equal(renamed.data?.name, null);
const deleted = await client.DELETE("/v1/albums/{album}/people/{person_id}", { params: person });
assert.equal(deleted.response.status, 202);

// errors are answers, too
const unknown = await client.GET("/v1/albums/{album}/photos/{photo_id}", {
  params: { path: { album: "race", photo_id: "0".repeat(32) }, header: { "X-Request-Id": "smoke-test-1" } },
});
assert.equal(unknown.response.status, 404);
assert.equal(unknown.error?.error.code, "unknown_photo");
assert.equal(unknown.response.headers.get("X-Request-Id"), "smoke-test-1");
console.log("ok");

// Lists an album's photos, shows each as soon as it is analysed, and its preview: Firestore tells, the API has the pictures.
// docs/sample-app.md says how to run it, and what to change for a deployment on Google Cloud.

import { initializeApp } from "firebase/app";
import {
  collection, connectFirestoreEmulator, getFirestore, limit, onSnapshot, orderBy, query, where,
} from "firebase/firestore";

const settings = new URLSearchParams(location.search); // album, api, key, emulator
const album = settings.get("album");
const db = getFirestore(initializeApp({ projectId: settings.get("project") ?? "photofinish-local" }));
if (settings.has("emulator")) {
  const [host, port] = settings.get("emulator").split(":");
  // On Google Cloud leave this out, and sign in with Firebase Authentication.
  connectFirestoreEmulator(db, host, Number(port), {
    mockUserToken: { sub: "photographer", photofinish: { scope: "search", albums: [album] } },
  });
}

const grid = document.querySelector("#photos");
const problem = document.querySelector("#problem");
const tiles = new Map(); // photo id → its tile

/** Ask the API for one photo: its document has no link, because links expire and depend on who asks. */
async function askApi(photoId) {
  const url = `${settings.get("api")}/v1/albums/${encodeURIComponent(album)}/photos/${photoId}`;
  const answer = await fetch(url, { headers: { "X-Api-Key": settings.get("key") } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error.message);
  return body;
}

function addTile(photoId) {
  const tile = document.createElement("figure");
  tile.append(document.createElement("img"), document.createElement("figcaption"));
  tiles.set(photoId, tile);
  return tile;
}

function describe(tile, fields) {
  const [picture, caption] = tile.children;
  const name = fields.photo.name.split("/").at(-1);
  const found = fields.bib_numbers?.length ? fields.bib_numbers.join(", ") : "no number";
  caption.textContent = fields.status === "done" ? `${name}: ${found}` : `${name}: ${fields.error?.message ?? fields.status}`;
  picture.alt = caption.textContent;
}

async function showPreview(photoId, tile) {
  const { renditions } = await askApi(photoId);
  const link = renditions.thumbnail ?? renditions.preview;
  if (link) tile.querySelector("img").src = link.url;
}

function report(error) {
  problem.textContent = error.message;
}

function show(snapshot) {
  for (const { type, doc } of snapshot.docChanges()) {
    if (type === "removed") {
      tiles.get(doc.id)?.remove();
      tiles.delete(doc.id);
      continue;
    }
    const tile = tiles.get(doc.id) ?? addTile(doc.id);
    describe(tile, doc.data());
    if (doc.data().status === "done" && !tile.querySelector("img").src) showPreview(doc.id, tile).catch(report);
  }
  grid.replaceChildren(...snapshot.docs.map((doc) => tiles.get(doc.id)));
}

/** Listen to the first photos by name; with a number, to those of its wearer. */
let stop = () => {};
function listen(number) {
  stop();
  tiles.clear();
  const photos = collection(db, "albums", album, "photos");
  const wanted = number ? [where("bib_numbers", "array-contains", number)] : [];
  stop = onSnapshot(query(photos, ...wanted, orderBy("object.name"), limit(60)), show, report);
}

document.querySelector("#find").addEventListener("submit", (event) => {
  event.preventDefault();
  listen(new FormData(event.target).get("number").trim());
});
listen("");

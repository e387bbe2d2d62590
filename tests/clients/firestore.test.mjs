// The Firebase JS SDK, unmodified, against the local Firestore server at FIRESTORE_EMULATOR_HOST.
// Run by tests/contract/emulators/firestore/test_js_client.py, which starts the server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { deleteApp, initializeApp } from "firebase/app";
import {
  addDoc,
  arrayUnion,
  collection,
  collectionGroup,
  connectFirestoreEmulator,
  deleteDoc,
  disableNetwork,
  doc,
  enableNetwork,
  getAggregateFromServer,
  getCountFromServer,
  getDoc,
  getDocFromServer,
  getDocs,
  getDocsFromServer,
  getFirestore,
  increment,
  limit,
  limitToLast,
  onSnapshot,
  or,
  orderBy,
  query,
  runTransaction,
  serverTimestamp,
  setDoc,
  setLogLevel,
  startAfter,
  sum,
  terminate,
  updateDoc,
  waitForPendingWrites,
  where,
  writeBatch,
} from "firebase/firestore";

const DEADLINE_MS = 15_000;
const [host, port] = process.env.FIRESTORE_EMULATOR_HOST.split(":");
const clients = [];
let db;
let albums = 0;

function connect() {
  const app = initializeApp({ projectId: "js-client", apiKey: "local" }, `client-${clients.length}`);
  const firestore = getFirestore(app);
  connectFirestoreEmulator(firestore, host, Number(port));
  clients.push({ app, firestore });
  return firestore;
}

/** A listener's snapshots, and a promise for the first that satisfies a condition. */
class Watch {
  constructor(target) {
    this.snapshots = [];
    this.waiting = [];
    this.stop = onSnapshot(target, { includeMetadataChanges: true }, (snapshot) => this.#take(snapshot), (error) => {
      this.error = error;
      for (const { reject } of this.waiting) reject(error);
    });
  }

  #take(snapshot) {
    this.snapshots.push(snapshot);
    this.waiting = this.waiting.filter(({ condition, resolve }) => {
      if (!condition(snapshot)) return true;
      resolve(snapshot);
      return false;
    });
  }

  until(condition, what) {
    const latest = this.snapshots.at(-1);
    if (latest && condition(latest)) return Promise.resolve(latest);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no snapshot in ${DEADLINE_MS} ms: ${what}`)), DEADLINE_MS);
      const settle = (settled) => (value) => {
        clearTimeout(timer);
        settled(value);
      };
      this.waiting.push({ condition, resolve: settle(resolve), reject: settle(reject) });
    });
  }
}

const fromServer = (snapshot) => !snapshot.metadata.fromCache && !snapshot.metadata.hasPendingWrites;
const ids = (snapshot) => snapshot.docs.map((one) => one.id);
const newAlbum = () => `albums/a${albums++}`;

before(() => {
  setLogLevel("error");
  db = connect();
});

after(async () => {
  for (const { app, firestore } of clients) {
    await terminate(firestore);
    await deleteApp(app);
  }
});

test("a listener on an album's photos sees each step of their processing", async () => {
  const worker = connect();
  const photos = collection(db, newAlbum(), "photos");
  const watch = new Watch(query(photos, orderBy("name")));
  await watch.until((snapshot) => fromServer(snapshot) && snapshot.empty, "the empty album");
  for (const number of [1, 2, 3]) {
    await setDoc(doc(worker, photos.path, `p${number}`), { name: `IMG_${number}`, status: "queued" });
  }
  await watch.until((snapshot) => fromServer(snapshot) && snapshot.size === 3, "three queued photos");
  await updateDoc(doc(worker, photos.path, "p2"), {
    status: "done",
    done_at: serverTimestamp(),
    bib_numbers: arrayUnion("2906"),
  });
  const done = await watch.until(
    (snapshot) => fromServer(snapshot) && snapshot.docs[1]?.get("status") === "done",
    "a photo done",
  );
  assert.deepEqual(ids(done), ["p1", "p2", "p3"]);
  assert.deepEqual(done.docs[1].get("bib_numbers"), ["2906"]);
  await deleteDoc(doc(worker, photos.path, "p1"));
  const left = await watch.until((snapshot) => fromServer(snapshot) && snapshot.size === 2, "a photo erased");
  assert.deepEqual(ids(left), ["p2", "p3"]);
  watch.stop();
});

test("a filtered listener loses what stops matching, a limited one moves up the next", async () => {
  const worker = connect();
  const photos = collection(db, newAlbum(), "photos");
  for (const number of [1, 2, 3, 4]) {
    await setDoc(doc(worker, photos.path, `p${number}`), { n: number, status: "queued" });
  }
  const queued = new Watch(query(photos, where("status", "==", "queued")));
  const first = new Watch(query(photos, orderBy("n"), limit(2)));
  const last = new Watch(query(photos, orderBy("n"), limitToLast(1)));
  await queued.until((snapshot) => fromServer(snapshot) && snapshot.size === 4, "four queued");
  await first.until((snapshot) => fromServer(snapshot) && snapshot.size === 2, "the first two");
  await last.until((snapshot) => fromServer(snapshot) && snapshot.size === 1, "the last one");
  await updateDoc(doc(worker, photos.path, "p1"), { status: "done", n: 9 });
  const rest = await queued.until((snapshot) => fromServer(snapshot) && snapshot.size === 3, "three queued");
  assert.deepEqual(ids(rest), ["p2", "p3", "p4"]);
  await first.until((snapshot) => fromServer(snapshot) && ids(snapshot).join() === "p2,p3", "the window moved up");
  await last.until((snapshot) => fromServer(snapshot) && ids(snapshot).join() === "p1", "a new last");
  for (const watch of [queued, first, last]) watch.stop();
});

test("offline it works from its cache, online again both sides catch up", async () => {
  const other = connect();
  const photos = collection(db, newAlbum(), "photos");
  await setDoc(doc(photos, "kept"), { n: 1 });
  await setDoc(doc(photos, "erased"), { n: 2 });
  const watch = new Watch(query(photos, orderBy("n")));
  await watch.until((snapshot) => fromServer(snapshot) && snapshot.size === 2, "both photos");

  await disableNetwork(db);
  const offlineWrite = setDoc(doc(photos, "offline"), { n: 3 });
  await watch.until((snapshot) => snapshot.metadata.hasPendingWrites && snapshot.size === 3, "the offline write");
  await deleteDoc(doc(other, photos.path, "erased"));
  await setDoc(doc(other, photos.path, "meanwhile"), { n: 4 });
  await updateDoc(doc(other, photos.path, "kept"), { n: 5 });

  await enableNetwork(db);
  await offlineWrite;
  const caughtUp = await watch.until(
    (snapshot) => fromServer(snapshot) && ids(snapshot).join() === "offline,meanwhile,kept",
    "everything that happened on both sides",
  );
  assert.equal(caughtUp.size, 3);
  const seenByOther = await getDocsFromServer(query(collection(other, photos.path), orderBy("n")));
  assert.deepEqual(ids(seenByOther), ["offline", "meanwhile", "kept"]);
  watch.stop();
});

test("counts and sums come from the server", async () => {
  const photos = collection(db, newAlbum(), "photos");
  const batch = writeBatch(db);
  for (let number = 0; number < 25; number += 1) batch.set(doc(photos), { n: number, status: number % 5 ? "done" : "queued" });
  await batch.commit();
  assert.equal((await getCountFromServer(photos)).data().count, 25);
  assert.equal((await getCountFromServer(query(photos, where("status", "==", "queued")))).data().count, 5);
  assert.equal((await getAggregateFromServer(photos, { total: sum("n") })).data().total, 300);
});

test("contended transactions all count, and a read-only one may read", async () => {
  const album = newAlbum();
  const counter = doc(db, album);
  await setDoc(counter, { count: 0 });
  const workers = [db, connect(), connect()];
  await Promise.all(
    workers.map(async (firestore) => {
      for (let round = 0; round < 5; round += 1) {
        const reference = doc(firestore, album);
        await runTransaction(
          firestore,
          async (transaction) => {
            const count = (await transaction.get(reference)).get("count");
            transaction.update(reference, { count: count + 1 });
          },
          { maxAttempts: 50 },
        );
      }
    }),
  );
  assert.equal((await getDocFromServer(counter)).get("count"), 15);
  const other = doc(db, newAlbum());
  await runTransaction(db, async (transaction) => {
    const count = (await transaction.get(counter)).get("count");
    transaction.set(other, { copied: count });
  });
  assert.equal((await getDoc(other)).get("copied"), 15);
});

test("a transaction that only read a document aborts when that document changes", async () => {
  const read = doc(db, newAlbum());
  const written = doc(db, newAlbum());
  const other = connect();
  await setDoc(read, { n: 1 });
  let attempts = 0;
  await runTransaction(db, async (transaction) => {
    attempts += 1;
    const n = (await transaction.get(read)).get("n");
    if (attempts === 1) await updateDoc(doc(other, read.path), { n: 2 });
    transaction.set(written, { n });
  });
  assert.equal(attempts, 2);
  assert.equal((await getDocFromServer(written)).get("n"), 2);
});

test("queries: or, in, array-contains-any, cursors, collection groups", async () => {
  const album = newAlbum();
  const group = `photos${albums}`;
  for (const camera of ["c1", "c2"]) {
    for (const number of [1, 2, 3]) {
      await setDoc(doc(db, `${album}/cameras/${camera}/${group}/p${number}`), { n: number, tags: [`t${number}`, camera] });
    }
  }
  const photos = collection(db, `${album}/cameras/c1/${group}`);
  const found = async (...constraints) => ids(await getDocsFromServer(query(photos, ...constraints)));
  assert.deepEqual(await found(or(where("n", "==", 1), where("tags", "array-contains", "t3"))), ["p1", "p3"]);
  assert.deepEqual(await found(where("n", "in", [2, 3]), orderBy("n", "desc")), ["p3", "p2"]);
  assert.deepEqual(await found(where("tags", "array-contains-any", ["t1", "t2"])), ["p1", "p2"]);
  assert.deepEqual(await found(where("n", "not-in", [2])), ["p1", "p3"]);
  const [first] = (await getDocsFromServer(query(photos, orderBy("n"), limit(1)))).docs;
  assert.deepEqual(await found(orderBy("n"), startAfter(first)), ["p2", "p3"]);
  assert.equal((await getDocsFromServer(collectionGroup(db, group))).size, 6);
});

test("transforms and write errors", async () => {
  const album = doc(db, newAlbum());
  await setDoc(album, { views: 1 });
  await updateDoc(album, { views: increment(2), seen_at: serverTimestamp() });
  const stored = (await getDocFromServer(album)).data();
  assert.equal(stored.views, 3);
  assert.ok(Math.abs(stored.seen_at.toMillis() - Date.now()) < 10_000);
  await assert.rejects(updateDoc(doc(db, `${album.path}-missing`), { views: 1 }), { code: "not-found" });
  const added = await addDoc(collection(db, album.path, "photos"), { n: 1 });
  await waitForPendingWrites(db);
  assert.equal((await getDocs(collection(db, album.path, "photos"))).docs[0].id, added.id);
});

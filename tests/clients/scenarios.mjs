// What apps do with the Firebase JS SDK. The same steps run in Node (the SDK's gRPC build, firestore.test.mjs) and in a
// browser (its WebChannel build, browser.test.mjs).

import assert from "node:assert/strict";

import { deleteApp, initializeApp } from "firebase/app";
import {
  Bytes,
  GeoPoint,
  Timestamp,
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
  increment,
  initializeFirestore,
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
import * as lite from "firebase/firestore/lite";

const DEADLINE_MS = 45_000;
const others = [];
let options;
let apps = 0;
let db;
let albums = 0;

/** Use the server at this address; `settings` are those of `initializeFirestore`. */
export function start({ host, port, projectId, settings = {} }) {
  options = { host, port, projectId, settings };
  setLogLevel("error");
  db = connect();
}

export async function stop() {
  await terminate(db);
  await deleteApp(db.app);
}

/** Run a scenario, and close the connections that it opened: a browser has six at most to one server. */
export async function run(name) {
  try {
    await scenarios[name]();
  } finally {
    for (const firestore of others.splice(0)) {
      await terminate(firestore);
      await deleteApp(firestore.app);
    }
  }
}

function connect() {
  apps += 1;
  const app = initializeApp({ projectId: options.projectId, apiKey: "local" }, `client-${apps}`);
  const firestore = initializeFirestore(app, options.settings);
  connectFirestoreEmulator(firestore, options.host, options.port);
  return firestore;
}

/** A second user of the database, for one scenario. */
function another() {
  const firestore = connect();
  others.push(firestore);
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

export const scenarios = {
  async "a listener on an album's photos sees each step of their processing"() {
    const worker = another();
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
  },

  async "a filtered listener loses what stops matching, a limited one moves up the next"() {
    const worker = another();
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
  },

  async "offline it works from its cache, online again both sides catch up"() {
    const other = another();
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
  },

  async "counts and sums come from the server"() {
    const photos = collection(db, newAlbum(), "photos");
    const batch = writeBatch(db);
    for (let number = 0; number < 25; number += 1) batch.set(doc(photos), { n: number, status: number % 5 ? "done" : "queued" });
    await batch.commit();
    assert.equal((await getCountFromServer(photos)).data().count, 25);
    assert.equal((await getCountFromServer(query(photos, where("status", "==", "queued")))).data().count, 5);
    assert.equal((await getAggregateFromServer(photos, { total: sum("n") })).data().total, 300);
  },

  async "contended transactions all count, and a read-only one may read"() {
    const album = newAlbum();
    const counter = doc(db, album);
    await setDoc(counter, { count: 0 });
    const workers = [db, another(), another()];
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
  },

  async "a transaction that only read a document aborts when that document changes"() {
    const read = doc(db, newAlbum());
    const written = doc(db, newAlbum());
    const other = another();
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
  },

  async "queries: or, in, array-contains-any, cursors, collection groups"() {
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
  },

  async "transforms and write errors"() {
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
  },

  async "values of every type come back from the server as they were written"() {
    const worker = another();
    const photo = doc(db, newAlbum());
    const watch = new Watch(photo);
    await watch.until((snapshot) => fromServer(snapshot) && !snapshot.exists(), "the missing document");
    const values = {
      name: "Zoë 🏃‍♀️ 写真 \u2028 \"quoted\" a&b=c+d%20",
      whole: 9007199254740991,
      negative_zero: -0,
      numbers: [0.1, NaN, Infinity, -Infinity, 1e300],
      nothing: null,
      flag: false,
      empty: { map: {}, array: [], text: "" },
      at: new Timestamp(1_700_000_000, 123_456_000),
      place: new GeoPoint(48.137, 11.575),
      bytes: Bytes.fromUint8Array(new Uint8Array([0, 1, 254, 255])),
      link: doc(worker, "albums/other"),
      "a.b `c`": { ü: [{ deep: [1, { er: "x" }] }] },
    };
    await setDoc(doc(worker, photo.path), values);
    const seen = await watch.until((snapshot) => fromServer(snapshot) && snapshot.exists(), "the written document");
    const stored = seen.data();
    assert.equal(stored.name, values.name);
    assert.equal(stored.whole, values.whole);
    assert.ok(Object.is(stored.negative_zero, -0));
    stored.numbers.forEach((number, index) => assert.ok(Object.is(number, values.numbers[index]), `number ${index}`));
    assert.equal(stored.nothing, null);
    assert.equal(stored.flag, false);
    assert.deepEqual(stored.empty, values.empty);
    for (const name of ["at", "place", "bytes"]) assert.ok(stored[name].isEqual(values[name]), name);
    assert.equal(stored.link.path, values.link.path);
    assert.deepEqual(stored["a.b `c`"], values["a.b `c`"]);
    watch.stop();
  },

  async "a large album arrives whole, and its changes too"() {
    const worker = another();
    const photos = collection(worker, newAlbum(), "photos");
    const size = 2000;
    const text = "é".repeat(300);
    for (let first = 0; first < size; first += 500) {
      const batch = writeBatch(worker);
      for (let n = first; n < first + 500; n += 1) batch.set(doc(photos, `p${n}`), { n, text });
      await batch.commit();
    }
    const watch = new Watch(collection(db, photos.path));
    await watch.until((snapshot) => fromServer(snapshot) && snapshot.size === size, "all photos");
    await setDoc(doc(photos, "p7"), { n: -1 });
    await deleteDoc(doc(photos, "p8"));
    const changed = (snapshot) => snapshot.docs.some((one) => one.get("n") === -1) && snapshot.size === size - 1;
    await watch.until((snapshot) => fromServer(snapshot) && changed(snapshot), "the changes");
    watch.stop();
  },

  async "the lite SDK reads and writes"() {
    const app = initializeApp({ projectId: options.projectId, apiKey: "local" }, "lite");
    const firestore = lite.getFirestore(app);
    lite.connectFirestoreEmulator(firestore, options.host, options.port);
    const photos = lite.collection(firestore, newAlbum(), "photos");
    await lite.setDoc(lite.doc(photos, "a:b"), { n: 1 });
    await lite.updateDoc(lite.doc(photos, "a:b"), { n: lite.increment(4), at: lite.serverTimestamp() });
    await lite.addDoc(photos, { n: 2 });
    const found = await lite.getDocs(lite.query(photos, lite.where("n", ">", 1), lite.orderBy("n")));
    assert.deepEqual(found.docs.map((one) => one.get("n")), [2, 5]);
    assert.equal((await lite.getCount(photos)).data().count, 2);
    assert.equal((await lite.getDoc(lite.doc(photos, "missing"))).exists(), false);
    await assert.rejects(lite.updateDoc(lite.doc(photos, "missing"), { n: 1 }), { code: "not-found" });
    await lite.runTransaction(firestore, async (transaction) => {
      const n = (await transaction.get(lite.doc(photos, "a:b"))).get("n");
      transaction.set(lite.doc(photos, "copy"), { n });
    });
    assert.equal((await lite.getDoc(lite.doc(photos, "copy"))).get("n"), 5);
    await deleteApp(app);
  },
};

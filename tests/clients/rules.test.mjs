// What the deployed security rules let users of the SDK do. Run by tests/contract/emulators/firestore/test_js_client.py,
// which starts a server with these rules at FIRESTORE_EMULATOR_HOST and writes two albums of the project `rules`: `spring`,
// which signed-in users may browse, and `closed`.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { deleteApp, initializeApp } from "firebase/app";
import { collection, connectFirestoreEmulator, doc, getDocs, getFirestore, onSnapshot, setDoc } from "firebase/firestore";

const [host, port] = process.env.FIRESTORE_EMULATOR_HOST.split(":");
const apps = [];
const denied = { code: "permission-denied" };

function connect(options) {
  const app = initializeApp({ projectId: "rules" }, `app-${apps.length}`);
  apps.push(app);
  const db = getFirestore(app);
  connectFirestoreEmulator(db, host, Number(port), options);
  return db;
}

const user = connect({ mockUserToken: { sub: "ada" } });
const granted = connect({ mockUserToken: { sub: "bea", photofinish: { scope: "search", albums: ["closed"] } } });
const anonymously = connect({ mockUserToken: { sub: "cy", firebase: { sign_in_provider: "anonymous", identities: {} } } });
const owner = connect({ mockUserToken: "owner" });
const anonymous = connect();

after(() => Promise.all(apps.map(deleteApp)));

const listen = (db, ...path) => new Promise((resolve, reject) => onSnapshot(collection(db, ...path), resolve, reject));

test("a user listens to photos and writes nothing", async () => {
  assert.equal((await listen(user, "albums", "spring", "photos")).size, 1);
  await assert.rejects(setDoc(doc(user, "albums/spring/photos/p"), { n: 2 }), denied);
  await assert.rejects(getDocs(collection(user, "albums/spring/people")), denied);
  await assert.rejects(listen(user, "runtime"), denied);
});

test("an album that was not opened is read only by users whose claims name it", async () => {
  for (const name of ["photos", "people"]) {
    await assert.rejects(listen(user, "albums", "closed", name), denied);
    assert.equal((await listen(granted, "albums", "closed", name)).size, 1);
  }
  assert.equal((await listen(granted, "albums", "spring", "photos")).size, 1);
  await assert.rejects(listen(granted, "albums", "spring", "people"), denied);
});

test("anonymous users are not signed in unless the album says so", async () => {
  await assert.rejects(listen(anonymously, "albums", "spring", "photos"), denied);
  await setDoc(doc(owner, "albums/spring/access/users"), { anonymous_users: true }, { merge: true });
  assert.equal((await listen(anonymously, "albums", "spring", "photos")).size, 1);
});

test("nothing is read without signing in", async () => {
  await assert.rejects(listen(anonymous, "albums"), denied);
  await assert.rejects(getDocs(collection(anonymous, "albums/spring/photos")), denied);
});

test("rules do not apply to the owner", async () => {
  await setDoc(doc(owner, "runtime/x"), { n: 1 });
  assert.equal((await getDocs(collection(owner, "runtime"))).size, 1);
});

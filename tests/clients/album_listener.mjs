// What a mobile app does: listen to an album's photos with the Firebase JS SDK and print each change as a JSON line.
// node album_listener.mjs PROJECT ALBUM COUNT, with FIRESTORE_EMULATOR_HOST; ends when COUNT photos are done. The user is
// signed in, as the security rules demand.

import { deleteApp, initializeApp } from "firebase/app";
import { collection, connectFirestoreEmulator, getFirestore, onSnapshot } from "firebase/firestore";

const [projectId, album, count] = process.argv.slice(2);
const [host, port] = process.env.FIRESTORE_EMULATOR_HOST.split(":");
const app = initializeApp({ projectId });
const db = getFirestore(app);
connectFirestoreEmulator(db, host, Number(port), { mockUserToken: { sub: "runner" } });

const done = new Set();
const stop = onSnapshot(
  collection(db, "albums", album, "photos"),
  (snapshot) => {
    if (!snapshot.metadata.fromCache) console.log(JSON.stringify({ listening: true }));
    for (const change of snapshot.docChanges()) {
      const { photo, status, bib_numbers } = change.doc.data();
      console.log(JSON.stringify({ name: photo.name, status, bib_numbers: bib_numbers ?? null }));
      if (status === "done") done.add(change.doc.id);
    }
    if (done.size === Number(count)) {
      stop();
      deleteApp(app);
    }
  },
  (error) => {
    console.error(error);
    process.exit(1);
  },
);

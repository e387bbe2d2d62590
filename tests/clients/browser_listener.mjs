// A page that shows an album, as browser_listener.mjs PROJECT COLLECTION [FIELD VALUE]. Prints a line of JSON per snapshot
// of the collection, or of its documents whose FIELD is VALUE, ordered by `n`; and one for an error. The page also notes
// every document it has seen from the server in the collection `seen`.

import { openBrowser } from "./browser/chromium.mjs";

const [project, path, ...filter] = process.argv.slice(2);
const [host, port] = process.env.FIRESTORE_EMULATOR_HOST.split(":");
const browser = await openBrowser();
const page = await browser.newPage();
await page.exposeFunction("report", (line) => console.log(JSON.stringify(line)));
await page.evaluate(
  async ({ host, port, projectId, path, filter }) => {
    const { initializeApp } = await import("firebase/app");
    const firestore = await import("firebase/firestore");
    const { collection, connectFirestoreEmulator, doc, getFirestore, onSnapshot, orderBy, query, setDoc, where } = firestore;
    firestore.setLogLevel("error");
    const db = getFirestore(initializeApp({ projectId }));
    connectFirestoreEmulator(db, host, port);
    const conditions = filter.length ? [where(filter[0], "==", filter[1])] : [];
    onSnapshot(
      query(collection(db, path), ...conditions, orderBy("n")),
      { includeMetadataChanges: true },
      (snapshot) => {
        const ids = snapshot.docs.map((one) => one.id);
        window.report({ ids, from_cache: snapshot.metadata.fromCache });
        if (!snapshot.metadata.fromCache) for (const id of ids) setDoc(doc(db, "seen", id), { by: "page" });
      },
      (error) => window.report({ error: error.code, message: error.message }),
    );
  },
  { host, port: Number(port), projectId: project, path, filter },
);
process.on("SIGTERM", async () => {
  await browser.close();
  process.exit(0);
});

// The SDK in Node, unmodified, against the local Firestore server at FIRESTORE_EMULATOR_HOST.
// Run by tests/contract/emulators/firestore/test_js_client.py, which starts the server.

import { after, before, test } from "node:test";

import { run, scenarios, start, stop } from "./scenarios.mjs";

const [host, port] = process.env.FIRESTORE_EMULATOR_HOST.split(":");

before(() => start({ host, port: Number(port), projectId: "js-client" }));
after(stop);

for (const name of Object.keys(scenarios)) test(name, () => run(name));

// The SDK's browser build, unmodified, in Chromium, against the local Firestore server at FIRESTORE_EMULATOR_HOST.
// Run by tests/contract/emulators/firestore/test_web_sdk.py, which starts the server.

import { after, before, describe, test } from "node:test";

import { openBrowser } from "./browser/chromium.mjs";
import { scenarios } from "./scenarios.mjs";

const [host, port] = process.env.FIRESTORE_EMULATOR_HOST.split(":");
// Each way in which the SDK carries messages over HTTP.
const TRANSPORTS = {
  "default settings": {},
  streaming: { experimentalAutoDetectLongPolling: false },
  "long polling": { experimentalForceLongPolling: true },
  "streaming without fetch": { experimentalAutoDetectLongPolling: false, useFetchStreams: false },
};
let browser;

before(async () => {
  browser = await openBrowser();
});
after(() => browser.close());

for (const [transport, settings] of Object.entries(TRANSPORTS)) {
  describe(transport, () => {
    let page;

    before(async () => {
      page = await browser.newPage();
      const projectId = `web-${transport.replaceAll(" ", "-")}`;
      await page.evaluate(
        async (options) => {
          window.suite = await import("/scenarios.mjs");
          window.suite.start(options);
        },
        { host, port: Number(port), projectId, settings },
      );
    });
    after(() => page.close());

    for (const name of Object.keys(scenarios)) {
      test(name, () => page.evaluate((scenario) => window.suite.run(scenario), name));
    }
  });
}

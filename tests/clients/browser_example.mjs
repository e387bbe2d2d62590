// Runs the module on standard input in a page until the page shows TEXT, and prints what it shows: browser_example.mjs TEXT.

import { text } from "node:stream/consumers";

import { openBrowser } from "./browser/chromium.mjs";

const DEADLINE_MS = 60_000;
const browser = await openBrowser();
const page = await browser.newPage();
await page.addScriptTag({ type: "module", content: await text(process.stdin) });
try {
  await page.waitForFunction((awaited) => document.body.innerText.includes(awaited), process.argv[2], { timeout: DEADLINE_MS });
} finally {
  console.log(await page.innerText("body"));
  await browser.close();
}

// Opens the sample app, prints what it shows when a preview is there, and then what it finds: sample_app.mjs SETTINGS TEXT NUMBER.

import { openBrowser } from "./browser/chromium.mjs";

const [settings, text, number] = process.argv.slice(2);
const browser = await openBrowser();
const page = await browser.newPage();
try {
  await page.goto(new URL(`/sample_app/index.html?${settings}`, page.url()).href);
  await page.waitForFunction(() => [...document.images].some((image) => image.naturalWidth > 0), null, { timeout: 120_000 });
  await page.waitForFunction((awaited) => document.body.innerText.includes(awaited), text, { timeout: 120_000 });
  console.log(await page.innerText("body"));
  await page.fill("input[name=number]", number);
  await page.click("button");
  await page.waitForFunction(() => document.images.length === 1, null, { timeout: 120_000 });
} finally {
  console.log(await page.innerText("body"));
  await browser.close();
}

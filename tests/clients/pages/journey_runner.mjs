// From the link of a QR code to a ZIP of one's own photos: the runner's part of the journey, on a phone's screen. Prints what took
// how long, in ms, and how many photos were found.
//
//     CHROMIUM=… node pages/journey_runner.mjs LINK SELFIE ZIP

import { chromium } from "playwright-core";

import { OPTIONS } from "../browser/chromium.mjs";

const [link, selfie, zip] = process.argv.slice(2);
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, locale: "en-GB" };
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: OPTIONS });
const page = await browser.newPage(PHONE);
page.setDefaultTimeout(5 * 60_000);
const told = {};

async function timed(step, act) {
  const start = performance.now();
  const result = await act();
  told[step] = Math.round(performance.now() - start);
  return result;
}

try {
  await timed("album", async () => {
    await page.goto(link);
    await page.locator("#find-button").waitFor();
  });
  const heading = page.getByRole("heading", { name: /photos? of you/ });
  await timed("chosen", async () => {
    await page.setInputFiles("#file", selfie);
    await page.locator("#selfie-chosen").waitFor();
  });
  await timed("found", async () => {
    await page.locator("#find-button").tap();
    await heading.waitFor();
  });
  await timed("first", () => page.locator(".tile img.loaded").first().waitFor());
  told.photos = Number.parseInt(await heading.textContent(), 10);
  await timed("zip", async () => {
    const begun = page.waitForEvent("download");
    await page.getByRole("button", { name: /Download all/ }).tap();
    await (await begun).saveAs(zip);
  });
  console.log(JSON.stringify(told));
} finally {
  await browser.close();
}

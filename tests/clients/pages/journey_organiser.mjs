// 50 photos dropped, and a link for runners: the organiser's part of the journey. Prints what took how long, in ms.
//
//     PHOTOFINISH_API_URL=… PHOTOFINISH_API_KEY=… CHROMIUM=… node pages/journey_organiser.mjs ALBUM QR_FILE FILE…

import { chromium } from "playwright-core";

import { OPTIONS } from "../browser/chromium.mjs";

const [album, code, ...files] = process.argv.slice(2);
const { PHOTOFINISH_API_URL: server, PHOTOFINISH_API_KEY: key, CHROMIUM: executablePath } = process.env;
const browser = await chromium.launch({ executablePath, args: OPTIONS });
const page = await browser.newPage({ locale: "en-US", viewport: { width: 1280, height: 860 } });
page.setDefaultTimeout(15 * 60_000);
const times = {};

async function timed(step, act) {
  const start = performance.now();
  await act();
  times[step] = Math.round(performance.now() - start);
}

try {
  await page.goto(`${server}/console`);
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "New album" }).click();
  await page.getByLabel("Title").fill(album.replaceAll("-", " "));
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await timed("sent", async () => {
    await page.getByLabel("Choose files").setInputFiles(files);
    await page.getByRole("progressbar", { name: `${files.length} of ${files.length} sent` }).waitFor();
  });
  await timed("analysed", () => page.getByRole("progressbar", { name: `${files.length} of ${files.length} analysed` }).waitFor());
  await page.getByRole("navigation", { name: "Album" }).getByRole("link", { name: "Share", exact: true }).click();
  await page.getByRole("button", { name: "Make a link" }).waitFor();
  await timed("code", async () => {
    await page.getByRole("button", { name: "Make a link" }).click();
    await page.getByRole("img", { name: "QR code of the link" }).screenshot({ path: code });
  });
  console.log(JSON.stringify(times));
} finally {
  await browser.close();
}

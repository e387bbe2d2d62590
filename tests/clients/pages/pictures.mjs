// Takes a picture of every page, on a phone and on a desktop, for the documents. Started by tests/support/page_pictures.py:
//
//     SERVER=… KEY=… SHARE_URL=… PIN=… SELFIE=… BIB=… ALBUM=… CHROMIUM=… node pages/pictures.mjs FOLDER

import { join } from "node:path";

import { chromium } from "playwright-core";

import { OPTIONS } from "../browser/chromium.mjs";

const { CHROMIUM, SERVER, KEY, SHARE_URL, PIN, SELFIE, BIB, ALBUM } = process.env;
const [folder] = process.argv.slice(2);
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const DESKTOP = { viewport: { width: 1280, height: 800 } };
const PATIENCE_MS = 60_000;
const IN_ALBUM = `${SERVER}/console/albums/${ALBUM}`;

const browser = await chromium.launch({ executablePath: CHROMIUM, args: OPTIONS });

/** Every picture that can be seen has come, and no skeleton is left. */
const settled = async (page) => {
  await page.waitForLoadState("networkidle");
  await page.waitForFunction(() => {
    const isSeen = (element) => {
      const { top, bottom, width } = element.getBoundingClientRect();
      return width > 0 && bottom > 0 && top < innerHeight;
    };
    return [...document.images].filter(isSeen).every((image) => image.complete) && ![...document.querySelectorAll("main .skeleton")].some(isSeen);
  });
};

async function runner(context, keep) {
  const page = await context.newPage();
  await page.goto(SHARE_URL);
  await page.locator("#pin").waitFor();
  await keep(page, "runner-pin");
  await page.fill("#pin-input", PIN);
  await page.click("#pin-button");
  await page.locator("#privacy").waitFor();
  await keep(page, "runner-album");
  await page.locator("#all").evaluate((all) => scrollTo(0, all.offsetTop));
  await keep(page, "runner-all-photos");
  await page.evaluate(() => scrollTo(0, 0));
  await page.getByRole("tab", { name: "Bib number" }).click();
  for (const digit of BIB) await page.locator("pf-pad").getByRole("button", { name: digit, exact: true }).click();
  await keep(page, "runner-number");
  await page.getByRole("tab", { name: "Selfie" }).click();
  await page.setInputFiles("#file", SELFIE);
  await page.locator("#selfie-chosen").waitFor();
  await keep(page, "runner-selfie");
  await page.click("#find-button");
  await page.locator("#results .tile img.loaded").first().waitFor();
  await keep(page, "runner-results");
  await page.locator("#results .tile button").first().click();
  await page.locator(".lightbox .picture.loaded").waitFor();
  await keep(page, "runner-photo");
  await page.goto(`${SERVER}/offline`);
  await keep(page, "runner-offline");
  await page.goto(`${SERVER}/s/${"0".repeat(32)}`);
  await page.locator("#closed h1").waitFor();
  await keep(page, "runner-link-ended");
  await page.goto(`${SERVER}/components`);
  await keep(page, "components");
}

async function organiser(context, keep) {
  const page = await context.newPage();
  await page.goto(`${SERVER}/console`);
  await page.getByLabel("API key").waitFor();
  await keep(page, "console-sign-in");
  await page.getByLabel("API key").fill(KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Albums", exact: true }).waitFor();
  await keep(page, "console-albums");
  for (const view of ["keys", "audit"]) {
    await page.goto(`${SERVER}/console/${view}`);
    await page.locator(".view-head h1").waitFor();
    await keep(page, `console-${view}`);
  }
  for (const view of ["overview", "upload", "photos", "people", "numbers", "sharing", "webhooks", "settings", "activity"]) {
    await page.goto(view === "overview" ? IN_ALBUM : `${IN_ALBUM}/${view}`);
    await page.locator(".view-head h1").waitFor();
    await keep(page, `console-${view}`);
  }
  await page.goto(`${IN_ALBUM}/photos`);
  await page.locator(".grid li a:has(.tag)").first().click();
  await page.locator(".stage img").waitFor();
  await keep(page, "console-photo");
  await page.goto(`${IN_ALBUM}/people`);
  await page.locator('main a[href*="/people/"]').first().click();
  await page.locator(".crop.ready").first().waitFor();
  await keep(page, "console-person");
}

try {
  for (const [size, settings] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
    const keep = async (page, name) => {
      page.setDefaultTimeout(PATIENCE_MS);
      await settled(page);
      await page.screenshot({ path: join(folder, `${name}-${size}.png`), animations: "disabled" });
    };
    for (const visit of [runner, organiser]) {
      const context = await browser.newContext({ ...settings, locale: "en-GB", reducedMotion: "reduce" });
      await visit(context, keep);
      await context.close();
    }
  }
} finally {
  await browser.close();
}

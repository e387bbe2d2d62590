// A runner's way in a real browser: link, PIN, selfie, photos, full screen, ZIP. On a phone's screen, with axe on every view.
// Started by tests/e2e/test_runner_page.py, which names the browser, the link, the PIN and a selfie in the environment.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

import { OPTIONS } from "./browser/chromium.mjs";

const { CHROMIUM, SHARE_URL, SHARE_PIN, SELFIE, BIB, FOUND, ALBUM } = process.env;
const { origin } = new URL(SHARE_URL);
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, locale: "en-GB" };
const times = {};
let browser;
let context;
let page;
let errors = [];

async function timed(what, act) {
  const start = performance.now();
  const result = await act();
  times[what] = Math.round(performance.now() - start);
  return result;
}

async function isAccessible(what) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  assert.deepEqual(violations.map(({ id, nodes }) => [what, id, nodes[0].html]), []);
}

async function fits(what) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= room, `${what} is ${wide} pixels wide, the screen ${room}`);
}

before(async () => {
  browser = await chromium.launch({ executablePath: CHROMIUM, args: OPTIONS });
  context = await browser.newContext(PHONE);
  page = await context.newPage();
  page.setDefaultTimeout(45_000);
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
});

after(async () => {
  await browser.close();
  console.log(`times in ms: ${JSON.stringify(times)}`);
});

test("the link asks for its PIN, and the token leaves the address bar", async () => {
  await timed("link", async () => {
    await page.goto(SHARE_URL);
    await page.locator("#pin").waitFor();
  });
  await isAccessible("PIN");
  await page.fill("#pin-input", SHARE_PIN === "0000" ? "1111" : "0000");
  await page.click("#pin-button");
  await page.getByText("This is not the PIN.").waitFor();
  // As after many wrong ones.
  const busy = { status: 429, headers: { "Retry-After": "119" }, json: { error: { code: "rate_limited", message: "" } } };
  await page.route("**/v1/shares/open", (route) => route.fulfill(busy), { times: 1 });
  await page.click("#pin-button");
  await page.getByText("Try again in 2 minutes.").waitFor();
  errors = []; // the browser logs the refusals
  await timed("album", async () => {
    await page.fill("#pin-input", SHARE_PIN);
    await page.click("#pin-button");
    await page.getByRole("heading", { name: "Runners' race" }).waitFor();
  });
  assert.ok(!page.url().includes(SHARE_URL.split("/").at(-1)));
  await isAccessible("album");
});

test("a selfie is sent small and without what the camera wrote into it", async () => {
  await page.setInputFiles("#file", SELFIE);
  await page.locator("#selfie-chosen").waitFor();
  const sent = page.waitForRequest((request) => request.url().endsWith("/search"));
  await timed("find by selfie", async () => {
    await page.click("#find-button");
    await page.getByRole("heading", { name: `${FOUND} photo` }).waitFor();
    await page.locator(".tile img.loaded").first().waitFor();
  });
  const body = (await sent).postDataBuffer();
  if (body !== null) assert.ok(!body.includes("Exif"), "the selfie still has EXIF");
  await isAccessible("results");
  await fits("results");
});

test("a photo fills the screen, is liked and kept, and the back button leads back", async () => {
  const first = page.locator(".tile button").first();
  await timed("full screen", async () => {
    await first.click();
    await page.locator(".lightbox .picture.loaded").waitFor();
  });
  await page.getByRole("button", { name: "Add to favourites" }).click();
  await isAccessible("full screen");
  await page.keyboard.press("ArrowRight");
  await page.getByText("2 of", { exact: false }).waitFor();
  await page.goBack();
  await page.locator(".lightbox").waitFor({ state: "detached" });
  assert.ok(await page.locator("#results").isVisible());
  assert.equal(await page.evaluate(() => document.activeElement.closest(".tile")?.dataset.index), "1");
});

test("another tab has the same favourites and needs no PIN", async () => {
  const other = await context.newPage();
  await other.goto(page.url().split("#")[0] + `#bib=${BIB}`);
  await other.getByRole("button", { name: "Favourites" }).waitFor();
  await other.close();
});

test("all photos come as one ZIP", async () => {
  const download = await timed("ZIP", async () => {
    const begun = page.waitForEvent("download");
    await page.getByRole("button", { name: /Download all/ }).click();
    return begun;
  });
  const name = download.suggestedFilename();
  assert.match(name, /\.zip$/);
  assert.equal(await download.failure(), null);
});

test("arrows move among photos", async () => {
  await page.locator(".tile button").first().focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.closest(".tile").getAttribute("aria-posinset")), "2");
  await page.keyboard.press("Home");
  assert.equal(await page.evaluate(() => document.activeElement.closest(".tile").getAttribute("aria-posinset")), "1");
});

test("without network the page says so until it is back, and only static files are kept", async () => {
  await page.evaluate(() => navigator.serviceWorker.ready);
  await context.setOffline(true);
  await page.getByText("You are offline.").waitFor();
  const kept = await page.evaluate(async () => {
    const names = await caches.keys();
    const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return requests.flat().map((request) => new URL(request.url).pathname);
  });
  assert.deepEqual(kept.filter((path) => path !== "/offline" && !path.startsWith("/static/")), []);
  await context.setOffline(false);
  errors = []; // the browser logs what it could not fetch
  await page.getByText("You are offline.").waitFor({ state: "hidden" });
});

test("the narrowest screen in German and in the dark has room for everything", async () => {
  const narrow = { viewport: { width: 320, height: 640 }, colorScheme: "dark", locale: "de-DE", reducedMotion: "reduce" };
  const other = await browser.newContext({ ...narrow, storageState: await context.storageState() });
  page = await other.newPage();
  await page.goto(`${origin}/a/${ALBUM}`);
  await page.getByRole("heading", { name: "Finde deine Fotos" }).waitFor();
  await page.getByRole("tab", { name: "Startnummer" }).click();
  for (const digit of BIB) await page.locator("pf-pad").getByRole("button", { name: digit, exact: true }).click();
  await fits("the pad");
  await isAccessible("pad in the dark");
  await page.getByRole("button", { name: "Meine Fotos finden" }).click();
  await page.locator(".tile img.loaded").first().waitFor();
  await fits("results");
  await isAccessible("results in the dark");
  await other.close();
});

test("no script failed, and the policy had nothing to block", () => {
  assert.deepEqual(errors, []);
});

// The runner's page on a slow network and on none, in a real browser: what stands in for what is not there yet, and that nothing
// jumps when it comes. Started by tests/e2e/test_runner_page.py, which names the browser, a link and the album.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { chromium } from "playwright-core";

import { OPTIONS } from "./browser/chromium.mjs";
import { gateTo } from "./browser/gate.mjs";

const { CHROMIUM, SHARE_URL, ALBUM, PHOTOS } = process.env;
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, locale: "en-GB" };
const SLOW = { offline: false, latency: 150, downloadThroughput: 150_000, uploadThroughput: 60_000 }; // bytes a second
const NO_JUMP = 0.02; // of the screen, moved by a fifth of its height: less than one sees
let browser;
let gate;

before(async () => {
  gate = await gateTo(SHARE_URL);
  browser = await chromium.launch({ executablePath: CHROMIUM, args: OPTIONS });
});

after(async () => {
  await browser.close();
  await gate.close();
});

/** A page of a context that has opened the link. */
async function visitor() {
  const context = await browser.newContext(PHONE);
  const page = await context.newPage();
  page.setDefaultTimeout(45_000);
  await page.goto(`${gate.origin}${new URL(SHARE_URL).pathname}`);
  await page.waitForURL("**/a/*");
  await page.locator("#all-grid .tile").first().waitFor();
  return { context, page };
}

/** What has moved by itself since the page was opened, and how far. */
const shifts = (page) =>
  page.evaluate(() => window.shifts.map(({ value, sources }) => ({ value, moved: sources.map(({ node }) => node?.id || node?.nodeName) })));

test("on a slow network the page is there before the album, and nothing moves when it comes", async () => {
  const { context, page } = await visitor();
  await page.addInitScript(() => {
    window.shifts = [];
    const observer = new PerformanceObserver((list) => window.shifts.push(...list.getEntries().filter((entry) => !entry.hadRecentInput)));
    observer.observe({ type: "layout-shift", buffered: true });
  });
  const network = await context.newCDPSession(page);
  await network.send("Network.enable");
  await network.send("Network.emulateNetworkConditions", SLOW);
  await network.send("Network.setCacheDisabled", { cacheDisabled: true });
  // The album and its pictures wait until what is shown without them was looked at.
  const held = { album: gated(), pictures: gated() };
  await page.route(`**/v1/albums/${ALBUM}`, async (route) => {
    await held.album.opened;
    await route.continue();
  });
  await page.route(/\.(webp|jpg)\?/, async (route) => {
    await held.pictures.opened;
    await route.continue();
  });

  await page.reload({ waitUntil: "commit" });
  await page.getByRole("heading", { name: "Find your photos" }).waitFor();
  assert.ok(await page.locator("#meta .skeleton").isVisible(), "there is no skeleton of the date and the number of photos");
  held.album.open();
  await page.locator("#all-grid .tile canvas").first().waitFor({ state: "attached" });
  assert.equal(await page.locator("#all-grid img.loaded").count(), 0);
  const places = () => page.locator("#all-grid .tile").evaluateAll((tiles) => tiles.map((tile) => [tile.offsetLeft, tile.offsetTop, tile.offsetWidth, tile.offsetHeight]));
  const before = await places();
  held.pictures.open();
  await page.locator("#all-grid img.loaded").nth(before.length - 1).waitFor({ state: "attached" });
  assert.deepEqual(await places(), before);
  const jumps = await shifts(page);
  const moved = jumps.reduce((sum, { value }) => sum + value, 0);
  assert.ok(moved < NO_JUMP, `the page moved by ${moved}: ${JSON.stringify(jumps)}`);
  await context.close();
});

test("links that end are got anew where they are looked at, and no others", async () => {
  const { context, page } = await visitor();
  const end = () => page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  while ((await page.locator("#all-grid .tile").last().getAttribute("aria-posinset")) !== PHOTOS) await end();
  const asked = [];
  page.on("request", (request) => request.url().includes("/photos?") && asked.push(new URL(request.url()).searchParams.get("cursor")));
  const inAnHour = Date.now() + 3600 * 1000;
  await page.clock.setSystemTime(inAnHour);
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.waitForLoadState("networkidle");
  assert.deepEqual(asked.map((cursor) => cursor !== null), [true], "the page's end is looked at, not its beginning");
  await Promise.all([page.waitForRequest((request) => request.url().includes("/photos?")), page.evaluate(() => scrollTo(0, 0))]);
  assert.equal(asked.at(-1), null);
  await context.close();
});

test("without network the page says so, also when it is opened anew, and comes back by itself", async () => {
  const { context, page } = await visitor();
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await gate.shut();
  await context.setOffline(true);
  await page.reload();
  await page.getByRole("heading", { name: "You are offline" }).waitFor();
  assert.ok(await page.getByRole("button", { name: "Try again" }).isVisible());
  await gate.open();
  await context.setOffline(false);
  await page.locator("#all-grid .tile").first().waitFor();
  await context.close();
});

/** Something to wait for until it is opened. */
function gated() {
  let open;
  const opened = new Promise((done) => (open = done));
  return { opened, open };
}

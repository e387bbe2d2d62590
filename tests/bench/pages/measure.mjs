// Measures the pages of a running server in Chromium and prints the figures as JSON. Started by run.py, which makes the albums:
//
//     SERVER=… KEY=… CHROMIUM=… node measure.mjs console ALBUM
//     CHROMIUM=… node measure.mjs runner SHARE_URL
//
// Every time is what the page sees: from the start of its navigation, or from a click, to the frame that shows the photos.

import { chromium } from "playwright-core";

import { scrolled } from "./frames.mjs";

const { SERVER, KEY, CHROMIUM } = process.env;
const OPTIONS = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--no-sandbox"];
const DESKTOP = { viewport: { width: 1440, height: 900 }, locale: "en-GB" };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true, locale: "en-GB" };
const TIMES = Number(process.env.TIMES ?? 7);
const SCROLLED_S = 5;
const PHOTOS = 10_000;
const CONSOLE_TILES = ".grid li";
const RUNNER_TILES = "#all-grid .tile";
const PLAIN = "a page of nothing but pictures";
const PLAIN_PHOTOS = 400;

const browser = await chromium.launch({ executablePath: CHROMIUM, args: OPTIONS });

/** Of the page's clock: the first frame that shows tiles of another filter than before (`again`), and the one with their pictures. */
function photosShown(page, selector, again = false) {
  return page.evaluate(
    ([tiles, isAgain]) =>
      new Promise((resolve) => {
        const before = isAgain ? document.querySelector(tiles) : null;
        let begun = isAgain ? Infinity : 0;
        for (const type of ["click", "change"]) {
          addEventListener(type, ({ timeStamp }) => (begun = Math.min(begun, timeStamp)), { capture: true, once: true });
        }
        let shown = null;
        const look = () => {
          const inSight = [...document.querySelectorAll(tiles)].filter((tile) => tile.getBoundingClientRect().top < innerHeight);
          const isThere = inSight.length > 0 && inSight[0] !== before && before?.isConnected !== true;
          if (isThere) shown ??= performance.now() - begun;
          const hasPictures = isThere && inSight.every((tile) => [...tile.querySelectorAll("img")].every((image) => image.complete));
          if (hasPictures) resolve({ shown, pictures: performance.now() - begun });
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      }),
    [selector, again],
  );
}

const firstPaint = (page) => page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);

/** The figures of several runs, name by name. */
async function repeated(run) {
  const runs = [];
  for (let at = 0; at < TIMES; at += 1) runs.push(await run(at));
  return Object.fromEntries(Object.keys(runs[0]).map((name) => [name, runs.map((one) => one[name])]));
}

async function measureConsole(album) {
  const signedIn = await browser.newContext(DESKTOP);
  const made = await signedIn.request.post(`${SERVER}/v1/sessions`, { data: { api_key: KEY } });
  if (!made.ok()) throw new Error(`no session: ${made.status()} ${await made.text()}`);
  const storageState = await signedIn.storageState();
  const address = `${SERVER}/console/albums/${album}/photos`;
  const open = async (context) => {
    const page = await context.newPage();
    await page.goto(address, { waitUntil: "commit" });
    const { shown, pictures } = await photosShown(page, CONSOLE_TILES);
    return { page, times: { first_paint: await firstPaint(page), photos: shown, pictures } };
  };
  const cold = await repeated(async () => {
    const context = await browser.newContext({ ...DESKTOP, storageState });
    const { times } = await open(context);
    await context.close();
    return times;
  });
  const context = await browser.newContext({ ...DESKTOP, storageState });
  await (await open(context)).page.close();
  const warm = await repeated(async () => {
    const { page, times } = await open(context);
    await page.close();
    return times;
  });
  const { page } = await open(context);
  await page.getByLabel("Hour").waitFor();
  const filters = {};
  for (const [name, choose] of Object.entries(FILTERS)) {
    filters[name] = await repeated(async () => {
      const seen = photosShown(page, CONSOLE_TILES, true);
      await choose(page);
      const { shown, pictures } = await seen;
      // Back to all photos, so that every run changes something.
      const back = photosShown(page, CONSOLE_TILES, true);
      await reset(page, name);
      await back;
      return { photos: shown, pictures };
    });
  }
  const reading = await scrolled(page, SCROLLED_S);
  await read(page, () => page.evaluate((most) => Number(document.querySelector(".grid li:last-child").dataset.index) >= most - 200, PHOTOS));
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight / 3));
  const scrolling = await scrolled(page, SCROLLED_S);
  return { cold, warm, filters, scrolling: { "while pages are read": reading, "10,000 photos read": scrolling } };
}

const FILTERS = {
  "no number": (page) => page.getByRole("button", { name: "No number" }).click(),
  blurry: (page) => page.getByRole("button", { name: "Blurry" }).click(),
  rejected: (page) => page.getByRole("button", { name: "Rejected" }).click(),
  "a number": (page) => number(page, "4711"),
  camera: (page) => page.getByLabel("Camera").selectOption({ index: 3 }),
  hour: (page) => page.getByLabel("Hour").selectOption({ index: 4 }),
};

async function number(page, text) {
  const input = page.getByRole("searchbox", { name: "Number" });
  await input.fill(text);
  await input.press("Enter");
}

async function reset(page, name) {
  if (name === "a number") await number(page, "");
  else if (name === "camera" || name === "hour") await page.getByLabel(name === "camera" ? "Camera" : "Hour").selectOption({ index: 0 });
  else await page.getByRole("button", { name: "All", exact: true }).click();
}

/** Scroll to the end again and again until `isRead()`. */
async function read(page, isRead) {
  while (!(await isRead())) {
    await page.evaluate(() => new Promise((done) => {
      scrollTo(0, document.body.scrollHeight);
      requestAnimationFrame(() => requestAnimationFrame(done));
    }));
  }
}

/** Of a page that has nothing but the same pictures, all read and decoded before: what this browser's drawing alone drops. */
async function scrolledPlainly(page) {
  const photos = await page.evaluate((most) => document.querySelector("#all-grid").photos.slice(0, most).map(({ thumbnail }) => thumbnail), PLAIN_PHOTOS);
  const [width, height] = await page.locator(RUNNER_TILES).first().evaluate((tile) => [tile.offsetWidth, tile.offsetHeight]);
  const images = photos.map((source) => `<img src="${source.replaceAll("&", "&amp;")}" width="${width}" height="${height}">`);
  await page.setContent(`<!doctype html><meta name="viewport" content="width=device-width"><body style="margin:0">${images.join("")}`);
  await page.waitForFunction(() => [...document.images].every((image) => image.complete));
  return scrolled(page, SCROLLED_S);
}

async function measureRunner(url) {
  const figures = {};
  for (const [device, settings] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
    const context = await browser.newContext(settings);
    const page = await context.newPage();
    await page.goto(url);
    await page.locator(`${RUNNER_TILES} img.loaded`).first().waitFor();
    const reading = await scrolled(page, SCROLLED_S);
    await read(page, () => page.evaluate((most) => document.querySelector("#all-grid").photos.length >= most, PHOTOS * 0.98));
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight / 3));
    await page.waitForFunction((tiles) => [...document.querySelectorAll(`${tiles} img`)].every((image) => image.complete), RUNNER_TILES);
    const scrolling = await scrolled(page, SCROLLED_S);
    const tiles = await page.locator(RUNNER_TILES).count();
    const plain = await scrolledPlainly(page);
    figures[device] = { "while pages are read": reading, "10,000 photos read": scrolling, [PLAIN]: plain, tiles };
    await context.close();
  }
  return figures;
}

try {
  const [what, of] = process.argv.slice(2);
  console.log(JSON.stringify(await (what === "console" ? measureConsole(of) : measureRunner(of)), null, 1));
} finally {
  await browser.close();
}

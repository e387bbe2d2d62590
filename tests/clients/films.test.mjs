// Films in the runner's page: the poster, where in the film she is, a player that starts there; only the poster where faces are
// hidden. On a small phone's screen, in the dark, with axe. Started by tests/e2e/test_films_in_pages.py.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

import { OPTIONS } from "./browser/chromium.mjs";

const { CHROMIUM, SHOWN_URL, HIDDEN_URL, BIB, SHOWN, PICTURES, PHOTOFINISH_API_URL: SERVER, PHOTOFINISH_API_KEY: KEY } = process.env;
const AT_S = Number(process.env.AT_S);
const CLOCK = `0:0${Math.floor(AT_S)}`;
const SMALL = { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true, locale: "en-GB", colorScheme: "dark" };
let browser;
let page;
let errors = [];

before(async () => {
  browser = await chromium.launch({ executablePath: CHROMIUM, args: OPTIONS });
  page = await (await browser.newContext(SMALL)).newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
});

after(() => browser.close());

async function looksRight(what) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  assert.deepEqual(violations.map(({ id, nodes }) => [what, id, nodes[0].html]), []);
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= room, `${what} is ${wide} pixels wide, the screen ${room}`);
  if (PICTURES) await page.screenshot({ path: `${PICTURES}/${what}.png` });
}

async function find(url) {
  await page.goto(url);
  const tile = page.getByRole("button", { name: /^Video, 8 seconds/ });
  await tile.waitFor();
  await page.goto(`${page.url().split("#")[0]}#bib=${BIB}`);
  await page.reload();
  await page.getByRole("heading", { name: "1 photo of you" }).waitFor();
  return page.locator("#results .tile button");
}

const player = () => page.locator("video");
const timeOf = () => player().evaluate((video) => video.currentTime);
const isNear = (wanted) => page.waitForFunction((at) => Math.abs((document.querySelector("video")?.currentTime ?? -1) - at) < 0.3, wanted);

test("the poster of a film is among the photos, with its length", async () => {
  await page.goto(SHOWN_URL);
  const tile = page.getByRole("button", { name: /^Video, 8 seconds/ });
  await tile.scrollIntoViewIfNeeded();
  await page.locator("#all .tile img.loaded").first().waitFor();
  assert.equal(await tile.locator(".badge.film").textContent(), "0:08");
  await looksRight("film-all");
});

test("a film that is found by number says when, and the player starts there", async () => {
  const tile = await find(SHOWN_URL);
  assert.match(await tile.getAttribute("aria-label"), new RegExp(`in this film at ${CLOCK}`));
  await page.locator("#results .tile img.loaded").waitFor();
  await looksRight("film-found");
  await tile.click();
  await isNear(AT_S);
  await page.waitForFunction(() => document.querySelector("video").readyState >= 2);
  assert.ok(await player().evaluate((video) => video.paused && video.videoWidth > 0 && video.poster !== ""));
  await looksRight("film-player");
});

test("buttons and keys jump to moments, and closing ends the film", async () => {
  await player().evaluate((video) => (video.currentTime = 1));
  const moment = page.getByRole("button", { name: `Play from ${CLOCK}` });
  await moment.focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction((at) => !document.querySelector("video").paused && document.querySelector("video").currentTime >= at - 0.1, AT_S);
  await player().evaluate((video) => video.pause());
  const before = await timeOf();
  await player().focus();
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction((at) => document.querySelector("video").currentTime < at, before);
  await page.getByRole("button", { name: "Close" }).click();
  await page.locator(".lightbox").waitFor({ state: "detached" });
  assert.equal(await player().count(), 0);
});

test("the film itself is downloaded", async () => {
  await page.locator("#results .tile button").click();
  const begun = page.context().waitForEvent("download").catch(() => null);
  const saved = page.waitForEvent("popup").then((popup) => popup.waitForEvent("download"));
  await page.getByRole("button", { name: "Download the film" }).click();
  const download = (await Promise.race([begun, saved])) ?? (await saved);
  assert.equal(download.suggestedFilename(), "finish.mp4");
  await page.goBack();
});

test("a film that the browser cannot play is offered as a download", async () => {
  errors = [];
  await page.goto(SHOWN_URL);
  await page.getByRole("button", { name: /^Video, 2 seconds/ }).click();
  await page.getByText("This browser cannot play the film.").waitFor();
  const link = await page.getByRole("link", { name: "Download the film" }).getAttribute("href");
  assert.match(link, /size=original/);
  await looksRight("film-unplayable");
  await page.goBack();
  errors = [];
});

test("where faces are hidden there is the poster and no player", async () => {
  const asked = [];
  page.on("request", (request) => request.url().includes("size=original") && asked.push(request.url()));
  const tile = await find(HIDDEN_URL);
  await tile.click();
  await page.locator(".lightbox .picture.loaded").waitFor();
  await page.getByText("The film cannot be played here").waitFor();
  await page.locator(".lightbox").getByText(`in this film at ${CLOCK}`).waitFor();
  await page.getByRole("button", { name: "Download the picture of the film" }).waitFor();
  assert.equal(await player().count(), 0);
  assert.deepEqual(asked, [], "the original was asked for");
  await looksRight("film-hidden");
});

test("the console plays a film, with the moments of the people in it", async () => {
  page = await (await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 860 } })).newPage();
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(`${SERVER}/console`);
  await page.getByLabel("API key").fill(KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Albums" }).waitFor();
  await page.goto(`${SERVER}/console/albums/${SHOWN}/photos`);
  await page.getByRole("img", { name: "Video, 8 seconds" }).waitFor();
  await looksRight("console-films");
  await page.locator(".grid a").filter({ has: page.getByRole("img", { name: "Video, 8 seconds" }) }).click();
  await page.waitForFunction(() => document.querySelector("video")?.readyState >= 2);
  await page.locator(".face-row").first().waitFor();
  await looksRight("console-film");
  await page.locator(".number-row").filter({ has: page.locator(`input[value="${BIB}"]`) }).getByRole("button", { name: /^Play from/ }).click();
  await page.waitForFunction((at) => document.querySelector("video").currentTime >= at - 3, AT_S);
  assert.equal(await page.locator(".face-row").getByRole("button", { name: /^Play from/ }).count(), await page.locator(".face-row").count());
  await page.locator(".face-row").last().scrollIntoViewIfNeeded();
  await looksRight("console-film-people");
  await page.setViewportSize({ width: 320, height: 640 });
  await looksRight("console-film-small");
});

test("a person of the film is shown with the moment", async () => {
  await page.setViewportSize({ width: 1280, height: 860 });
  await page.locator(".face-row").last().getByRole("button", { name: "Who is it?" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Ada");
  await page.getByRole("button", { name: "New person" }).click();
  await page.locator(".face-row").getByRole("link", { name: "Ada" }).click();
  await page.getByRole("link", { name: /^Face in finish\.mp4, in this film at 0:0\d$/ }).waitFor();
  await page.locator(".face-tile .crop.ready").first().waitFor();
  await looksRight("console-person");
});

test("nothing went wrong meanwhile", () => assert.deepEqual(errors, []));

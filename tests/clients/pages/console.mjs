// The journey of an organiser through the console, in Chromium: sign in, create an album, drop photos while the network
// goes away, look through them, correct a number and undo it, share, administer, erase. Prints one JSON line about each step.
//
//     PHOTOFINISH_API_URL=… PHOTOFINISH_API_KEY=… CHROMIUM=… node pages/console.mjs ALBUM NUMBER FILE…
//
// NUMBER is the one of the start list that a file shows.

import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

import { administration, erase, inTheDark } from "./console_administration.mjs";
import { changes } from "./console_changes.mjs";

const TIMEOUT_MS = 90_000;
const [album, shown, ...files] = process.argv.slice(2);
const START_LIST = `Startnummer;Vorname;Nachname\n${shown};Ada;Lovelace\n77;Grace;Hopper\n77;Two;Times\n?;No;Number\n`;
const { PHOTOFINISH_API_URL: server, PHOTOFINISH_API_KEY: key, CHROMIUM: executablePath } = process.env;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const context = await browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 860 }, reducedMotion: "reduce" });
const page = await context.newPage();
page.setDefaultTimeout(TIMEOUT_MS);
const broken = [];
page.on("pageerror", (error) => broken.push(error.message));
const complaints = [];
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));

const tell = (step, facts = {}) => console.log(JSON.stringify({ step, ...facts }));
const opens = (section) => page.getByRole("navigation", { name: "Album" }).getByRole("link", { name: section, exact: true }).click();
const titled = (title) => page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();

/** What axe finds wrong on the page as it is. */
async function violations() {
  const { violations: found } = await new AxeBuilder({ page }).analyze();
  return found.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
}

try {
  await page.goto(`${server}/console`);
  await page.getByLabel("API key").waitFor();
  tell("signed out at first", { complaints });
  await page.getByLabel("API key").fill("not-a-key");
  await page.getByRole("button", { name: "Sign in" }).click();
  tell("refused", { message: await page.getByRole("alert").textContent(), axe: await violations() });
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await titled("Albums");
  tell("signed in", { readable: await page.evaluate(() => document.cookie) });

  await page.getByRole("button", { name: "New album" }).click();
  await page.getByLabel("Title").fill(album.replaceAll("-", " "));
  await page.getByLabel("Start list").setInputFiles({ name: "list.csv", mimeType: "text/csv", buffer: Buffer.from(START_LIST) });
  const problems = await page.locator(".preview li").allTextContents();
  tell("start list", { entries: await page.locator(".preview .tag").textContent(), problems, axe: await violations() });
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await titled("Upload");
  tell("created", { album: new URL(page.url()).pathname.split("/")[3] });

  // The network goes away as the first photo is sent, and comes back: the uploads go on by themselves.
  let isLost = false;
  await page.route("**/*", async (route) => {
    if (route.request().method() !== "PUT" || isLost) return route.continue();
    isLost = true;
    await context.setOffline(true);
    await route.abort("internetdisconnected");
    setTimeout(() => context.setOffline(false), 500);
  });
  await page.getByLabel("Choose files").setInputFiles(files);
  await page.getByRole("progressbar", { name: `${files.length} of ${files.length} sent` }).waitFor();
  await page.unroute("**/*");
  await page.getByRole("progressbar", { name: `${files.length} of ${files.length} analysed` }).waitFor();
  await page.getByText("Rejected photos, and why").click();
  tell("uploaded", { isLost, rejected: await page.locator("details .files li").allTextContents(), axe: await violations() });

  await page.reload();
  await page.getByLabel("Choose files").setInputFiles(files);
  await page.getByText(`${files.length} photos were there already`).waitFor();
  tell("dropped again", { bars: await page.getByRole("progressbar").count(), axe: await violations() });
  await page.goto(`${page.url().replace(/upload$/, "photos")}/${"0".repeat(32)}`);
  await titled("That did not work");
  tell("no such photo", { message: await page.getByRole("alert").textContent(), axe: await violations() });

  await opens("Photos");
  await page.locator(".grid li").nth(files.length - 1).waitFor();
  tell("grid", { photos: await page.locator(".grid li").count(), axe: await violations() });
  await page.getByRole("button", { name: "Near duplicates" }).click();
  await page.waitForURL("**/photos?near_duplicates=true");
  await page.locator(".grid, .empty").first().waitFor();
  await page.getByRole("button", { name: "Rejected" }).click();
  await page.getByRole("status").filter({ hasText: "1 photo" }).waitFor();
  tell("filtered", { address: new URL(page.url()).search });
  await page.getByRole("button", { name: "All", exact: true }).click();
  await page.locator(".grid li a:has(.tag.mini:not(.bad))").first().click();
  const number = page.locator(".number-input").first();
  const read = await number.inputValue();
  await number.fill("4711");
  await number.press("Enter");
  await page.getByText("The number is 4711 now.").waitFor();
  const corrected = await number.inputValue();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.waitForFunction((wanted) => document.querySelector(".number-input").value === wanted, read);
  tell("corrected", { read, corrected, undone: await number.inputValue(), axe: await violations() });

  const parts = { page, tell, opens, titled, violations };
  await changes(parts);

  await opens("Share");
  await page.getByLabel("Where it is used").fill("Poster");
  await page.getByRole("button", { name: "Make a link" }).click();
  const code = (await page.getByRole("img", { name: "QR code of the link" }).screenshot()).toString("base64");
  tell("shared", { code, link: await page.getByLabel("Link", { exact: true }).inputValue(), axe: await violations() });

  await page.goBack();
  await titled("Numbers to decide");
  const made = await administration(parts);
  await inTheDark({ ...parts, album: made });
  await erase({ ...parts, album: made });
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("API key").waitFor();
  tell("signed out", { broken });
} finally {
  await browser.close();
}

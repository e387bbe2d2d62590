// Pictures of pages in which nothing changes by itself, to be compared with those of another time. Prints JSON: the widths of a
// sentence in the pages' font, by which one knows whether this browser draws letters as another one did.
//
//     SHARE_URL=… PIN=… CHROMIUM=… node pages/looks.mjs FOLDER

import { join } from "node:path";

import { chromium } from "playwright-core";

import { OPTIONS } from "../browser/chromium.mjs";

const { CHROMIUM, SHARE_URL, PIN } = process.env;
const [folder] = process.argv.slice(2);
const { origin } = new URL(SHARE_URL);
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const DESKTOP = { viewport: { width: 1280, height: 800 } };
const LOOKS = { phone: PHONE, desktop: DESKTOP, dark: { ...PHONE, colorScheme: "dark" } };
const SENTENCES = [["400 17px Figtree", "Photos of you appear by themselves."], ["750 40px Figtree", "Spring 10k, 0123456789"]];

const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...OPTIONS, "--font-render-hinting=none"] });
try {
  let widths = null;
  for (const [look, settings] of Object.entries(LOOKS)) {
    const context = await browser.newContext({ ...settings, locale: "en-GB", reducedMotion: "reduce", deviceScaleFactor: 1 });
    const page = await context.newPage();
    const keep = async (name, fullPage = false) => {
      await page.evaluate(() => document.fonts.ready);
      await page.screenshot({ path: join(folder, `${name}-${look}.png`), animations: "disabled", fullPage });
    };
    await page.goto(`${origin}/components`, { waitUntil: "networkidle" });
    await keep("components", true);
    widths ??= await page.evaluate(async (sentences) => {
      const canvas = document.createElement("canvas").getContext("2d");
      const measured = [];
      for (const [font, text] of sentences) {
        await document.fonts.load(font, text);
        canvas.font = font;
        measured.push(canvas.measureText(text).width);
      }
      return measured;
    }, SENTENCES);
    await page.goto(SHARE_URL);
    await page.locator("#pin").waitFor();
    await keep("pin");
    await page.fill("#pin-input", PIN);
    await page.click("#pin-button");
    await page.getByRole("heading", { level: 1, name: "Spring 10k" }).waitFor();
    await page.locator("#privacy").waitFor();
    await page.getByRole("tab", { name: "Bib number" }).click();
    await keep("album");
    await context.close();
  }
  console.log(JSON.stringify({ widths }));
} finally {
  await browser.close();
}

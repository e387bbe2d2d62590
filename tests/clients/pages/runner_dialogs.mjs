// The dialogs of a runner on a phone in the dark: "tell me" by e-mail, and "forget me" in two taps. Prints one JSON line about
// each step.
//
//     CHROMIUM=… node pages/runner_dialogs.mjs SHARE_URL NUMBER ADDRESS SELFIE

import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

import { OPTIONS } from "../browser/chromium.mjs";

const [link, number, address, selfie] = process.argv.slice(2);
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, locale: "en-GB", colorScheme: "dark", reducedMotion: "reduce" };
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: OPTIONS });
const page = await (await browser.newContext(PHONE)).newPage();
page.setDefaultTimeout(60_000);
const broken = [];
page.on("pageerror", (error) => broken.push(error.message));

const tell = (step, facts = {}) => console.log(JSON.stringify({ step, ...facts }));

async function violations() {
  const { violations: found } = await new AxeBuilder({ page }).analyze();
  return found.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
}

/** How often a finger is needed until `act` is done. */
async function taps(act) {
  let count = 0;
  const tap = async (button) => {
    count += 1;
    await button.tap();
  };
  await act(tap);
  return count;
}

try {
  await page.goto(link);
  await page.getByRole("button", { name: "Forget me" }).waitFor(); // then the scripts are at work
  await page.getByRole("tab", { name: "Bib number" }).tap();
  for (const digit of number) await page.locator("pf-pad").getByRole("button", { name: digit, exact: true }).tap();
  await page.locator("#find-button").tap();
  await page.getByRole("heading", { name: "1 photo of you" }).waitFor();

  await page.getByRole("button", { name: "Tell me" }).tap();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Agree and tell me" }).tap(); // without an address nothing is sent
  const isOpen = await dialog.isVisible();
  await dialog.getByLabel("E-mail address").fill(address);
  const axe = await violations();
  await dialog.getByRole("button", { name: "Agree and tell me" }).tap();
  await page.getByText("Look into your mailbox and confirm.").waitFor();
  tell("told", { isOpen, axe });

  const { origin, pathname } = new URL(page.url());
  await page.goto("about:blank");
  await page.goto(origin + pathname); // anew, without the number
  await page.getByRole("button", { name: "Forget me" }).waitFor();
  await page.setInputFiles("#file", selfie);
  await page.locator("#selfie-chosen").waitFor();
  await page.locator("#find-button").tap();
  await page.getByRole("heading", { name: "1 photo of you" }).waitFor();
  const tags = await page.locator(".tile").first().innerText();
  const count = await taps(async (tap) => {
    await tap(page.getByRole("button", { name: "Forget me" }));
    await tap(page.getByRole("dialog").getByRole("button", { name: "Forget me" }));
    await page.getByText("Done. 1 face of yours was removed.").waitFor();
  });
  tell("forgotten", { taps: count, tags, results: await page.locator("#results").isVisible(), selfie: await page.locator("#selfie-chosen").isVisible(), axe: await violations() });
  tell("ended", { broken });
} finally {
  await browser.close();
}

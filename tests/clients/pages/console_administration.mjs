// A part of the organiser's journey: webhooks, clocks, keys and the audit, all of it once more in the dark, and the end of the
// album with its receipt.

import { readFile } from "node:fs/promises";

export async function administration({ page, tell, opens, titled, violations }) {
  await opens("Webhooks");
  await page.getByText("Add a webhook").first().click();
  await page.getByLabel("Address of your server").fill("https://hooks.example.com/race");
  await page.getByLabel("Description").fill("Results");
  await page.getByRole("button", { name: "Add a webhook" }).click();
  const secret = await page.getByLabel("Secret for verifying signatures").inputValue();
  await page.getByText("https://hooks.example.com/race").first().waitFor();
  tell("webhook", { secret: secret.slice(0, 6), axe: await violations() });

  await opens("Settings");
  const shift = page.locator(".rows .short").first();
  await shift.fill("one hour");
  await page.getByRole("button", { name: "Save the shifts" }).click();
  const refused = await page.getByText("is not a time").textContent();
  await shift.fill("+1:00");
  const saved = page.waitForResponse((answer) => answer.request().method() === "PUT" && answer.url().endsWith("/cameras"));
  await page.getByRole("button", { name: "Save the shifts" }).click();
  tell("clocks", { refused, shifts: Object.values((await saved).request().postDataJSON().shifts_s), axe: await violations() });

  const album = new URL(page.url()).pathname.split("/")[3];
  await page.getByRole("link", { name: "Albums", exact: true }).first().click();
  await titled("Albums");
  const card = await page.locator(".albums a", { hasText: album.replaceAll("-", " ") }).locator("h2").textContent();
  await page.getByRole("navigation", { name: "Administration" }).getByRole("link", { name: "Keys" }).click();
  await titled("Keys");
  await page.getByLabel("Whose it is, and what for").fill(`App of ${album}`);
  await page.getByLabel("Albums", { exact: true }).fill(album);
  await page.getByRole("button", { name: "Make a key" }).click();
  const key = await page.getByLabel("API key").inputValue();
  const status = await page.evaluate(async ({ key, album }) => (await fetch(`/v1/albums/${album}`, { headers: { "X-Api-Key": key }, credentials: "omit" })).status, { key, album });
  await page.getByRole("button", { name: `Revoke: App of ${album}` }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.locator(".rows .ended", { hasText: `App of ${album}` }).waitFor();
  tell("key", { card, status, form: key.slice(0, 3), axe: await violations() });

  await page.getByRole("navigation", { name: "Administration" }).getByRole("link", { name: "Audit" }).click();
  await titled("Audit");
  await page.getByLabel("Action, such as").fill("revoke_key");
  await page.getByRole("button", { name: "Show" }).click();
  await page.locator(".rows strong", { hasText: "revoke_key" }).first().waitFor();
  const actions = new Set(await page.locator(".rows strong").allTextContents());
  tell("audit", { actions: [...actions], address: new URL(page.url()).search, axe: await violations() });
  return album;
}

/** What axe finds in every view in the dark. */
export async function inTheDark({ page, tell, album, titled, violations }) {
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  const found = {};
  for (const [view, title] of [["", null], ["/photos", "Photos"], ["/people", "People"], ["/settings", "Settings"], ["/activity", "Activity"]]) {
    await page.goto(`${new URL(page.url()).origin}/console/albums/${album}${view}`);
    if (title === null) await page.locator(".facts").waitFor();
    else await titled(title);
    const wrong = await violations();
    if (wrong.length > 0) found[view] = wrong;
  }
  tell("in the dark", { found });
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
}

/** Nothing is erased by a wrong name; by the right one the receipt comes as a file. */
export async function erase({ page, tell, opens, album }) {
  await opens("Settings");
  const name = page.getByLabel(`Type ${album} to confirm`);
  await name.fill("another");
  await page.getByRole("button", { name: "Erase the album" }).click();
  const refused = await page.getByText("Type the album's name exactly.").isVisible();
  await name.fill(album);
  await page.getByRole("button", { name: "Erase the album" }).click();
  await page.getByText("Erasing. A large album").waitFor();
  await page.getByText("The album is erased.").waitFor();
  const begun = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save the receipt" }).click();
  const receipt = await readFile(await (await begun).path(), "utf8");
  tell("erased", { refused, receipt });
}

// Opens the API's documentation at URL, unfolds a section, and prints what the browser complained about: docs_page.mjs URL.

import { chromium } from "playwright-core";

const [url] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage();
const complaints = [];
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(error.message));
page.on("request", (request) => {
  if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith("data:")) complaints.push(request.url());
});
await page.goto(url);
await page.locator(".opblock-tag", { hasText: "downloads" }).first().click({ timeout: 120_000 });
await page.locator(".opblock", { hasText: "/downloads" }).first().waitFor({ timeout: 120_000 });
console.log(JSON.stringify({ operations: await page.locator(".opblock").count(), complaints }));
await browser.close();

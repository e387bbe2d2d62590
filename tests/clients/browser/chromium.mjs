// Chromium without a window, and a file server whose pages it opens.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const FOLDER = fileURLToPath(new URL("..", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript" };
// No requests other than the test's own: this is not the place for updates, translations and measurements.
export const OPTIONS = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
  "--no-sandbox",
];

/** Serves this package's files on a free port of localhost. */
async function serveFiles() {
  const server = createServer(async (request, response) => {
    const path = join(FOLDER, normalize(new URL(request.url, "http://localhost").pathname));
    try {
      const content = await readFile(path);
      response.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream" }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

/** A browser (the program at CHROMIUM) with `newPage()`, which opens browser/page.html, and `close()`. */
export async function openBrowser() {
  const files = await serveFiles();
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: OPTIONS });
  return {
    async newPage() {
      const page = await browser.newPage();
      page.on("pageerror", (error) => console.error("page:", error.message));
      await page.goto(`http://localhost:${files.address().port}/browser/page.html`);
      return page;
    },
    async close() {
      await browser.close();
      files.close();
    },
  };
}

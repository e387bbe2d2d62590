// Lighthouse (its phone, simulated slow 4G, processor four times slower) of pages that a share link opens. Prints JSON.
//
//     CHROMIUM=… node lighthouse.mjs SHARE_URL PATH…

import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import lighthouse from "lighthouse";
import { chromium } from "playwright-core";

const RUNS = 3;
const SHOWN = ["first-contentful-paint", "largest-contentful-paint", "speed-index", "total-blocking-time", "cumulative-layout-shift"];
const [share, ...paths] = process.argv.slice(2);
const { origin } = new URL(share);

async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const port = await freePort();
const folder = await mkdtemp(join(tmpdir(), "lighthouse-"));
const args = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", `--remote-debugging-port=${port}`];
const context = await chromium.launchPersistentContext(folder, { executablePath: process.env.CHROMIUM, args });
try {
  const page = await context.newPage();
  await page.goto(share);
  await page.waitForURL("**/a/*");
  await page.close();
  const figures = {};
  for (const path of paths) {
    const results = [];
    for (let run = 0; run < RUNS; run += 1) {
      const { lhr } = await lighthouse(`${origin}${path}`, { port, logLevel: "error", output: "json" });
      results.push(lhr);
    }
    const byName = (names, of) => Object.fromEntries(names.map((name) => [name, median(results.map((lhr) => of(lhr, name)))]));
    const failing = Object.values(results[0].audits).filter(({ score, scoreDisplayMode }) => score !== null && score < 0.9 && scoreDisplayMode !== "informative");
    figures[path] = {
      scores: byName(Object.keys(results[0].categories), (lhr, name) => Math.round(lhr.categories[name].score * 100)),
      metrics: byName(SHOWN, (lhr, name) => lhr.audits[name].numericValue),
      requests: results[0].audits["network-requests"].details.items.length,
      bytes: results[0].audits["total-byte-weight"].numericValue,
      below_90: failing.map(({ id, displayValue }) => `${id} ${displayValue ?? ""}`.trim()),
      each_run: results.map((lhr) => Math.round(lhr.categories.performance.score * 100)),
    };
  }
  console.log(JSON.stringify(figures, null, 1));
} finally {
  await context.close();
  await rm(folder, { recursive: true, force: true });
}

// Frames of a page while it is scrolled, and what its threads did meanwhile.

const SCROLL_PX_PER_S = 1600;
const FRAME_MS = 1000 / 60;
// What the page's main thread spends its time with, by the names of Chromium's trace events.
const WORK = {
  scripts: ["FunctionCall", "FireAnimationFrame", "EventDispatch", "RunMicrotasks", "EvaluateScript", "V8.GCScavenger", "MajorGC", "MinorGC"],
  "style and layout": ["UpdateLayoutTree", "Layout", "IntersectionObserverController::computeIntersections"],
  "painting, main thread": ["PrePaint", "Paint", "Layerize", "Commit"],
  "drawing tiles of the page": ["RasterTask"],
  "decoding pictures": ["ImageDecodeTask", "Decode Image", "Decode LazyPixelRef"],
};

/**
 * Scroll `page` down for `seconds` as a finger or a wheel does, and return the times between its frames and where the
 * processor's time went. Frames are counted where the browser asks the page for them.
 */
export async function scrolled(page, seconds) {
  const session = await page.context().newCDPSession(page);
  const events = await traced(session, async () => {
    await page.evaluate(() => {
      const times = (window.frameTimes = []);
      const each = (now) => {
        times.push(now);
        window.frameRequest = requestAnimationFrame(each);
      };
      window.frameRequest = requestAnimationFrame(each);
    });
    const { width, height } = page.viewportSize();
    await session.send("Input.synthesizeScrollGesture", {
      x: width / 2,
      y: height / 2,
      yDistance: -Math.round(SCROLL_PX_PER_S * seconds),
      speed: SCROLL_PX_PER_S,
      gestureSourceType: "mouse",
    });
  });
  const times = await page.evaluate(() => {
    cancelAnimationFrame(window.frameRequest);
    return window.frameTimes;
  });
  await session.detach();
  return { ...statistics(times), ...shares(events, times.at(-1) - times[0]) };
}

/** Of the times of frames: the median and p95 between two, and the share of 60 a second that did not come. */
export function statistics(times) {
  const between = times.slice(1).map((time, at) => time - times[at]);
  const sorted = [...between].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)];
  const wanted = (times.at(-1) - times[0]) / FRAME_MS;
  const dropped = Math.max(wanted - between.length, 0);
  return { frames: between.length, p50_ms: at(0.5), p95_ms: at(0.95), longest_ms: sorted.at(-1), dropped_share: dropped / wanted };
}

async function traced(session, act) {
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const ended = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  const categories = ["devtools.timeline", "disabled-by-default-devtools.timeline", "toplevel", "cc", "blink"];
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: categories } });
  await act();
  await session.send("Tracing.end");
  await ended;
  return events;
}

/** The milliseconds a second that each kind of work took; what is inside work of the same kind counts once. */
function shares(events, wall_ms) {
  const work = {};
  for (const [kind, names] of Object.entries(WORK)) {
    const spans = events.filter((event) => event.ph === "X" && names.includes(event.name));
    const byThread = Map.groupBy?.(spans, (event) => `${event.pid}/${event.tid}`) ?? grouped(spans);
    let total_us = 0;
    for (const inThread of byThread.values()) total_us += union(inThread);
    work[kind] = total_us / wall_ms;
  }
  return { work_ms_per_s: work };
}

function grouped(spans) {
  const groups = new Map();
  for (const span of spans) groups.set(`${span.pid}/${span.tid}`, [...(groups.get(`${span.pid}/${span.tid}`) ?? []), span]);
  return groups;
}

/** The length of the union of spans, in µs. */
function union(spans) {
  let total = 0;
  let end = -Infinity;
  for (const { ts, dur = 0 } of [...spans].sort((a, b) => a.ts - b.ts)) {
    if (ts + dur <= end) continue;
    total += ts + dur - Math.max(ts, end);
    end = ts + dur;
  }
  return total;
}

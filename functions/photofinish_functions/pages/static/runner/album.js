// The page of an album: who may see it, how many photos there are and come, and the three parts: find, results, all photos.

import "../components/progress.js";
import { counted, day, t } from "../messages.js";
import { toast } from "../components/toast.js";
import { hasNoSession } from "../session.js";
import { albumPath, call, Problem } from "./api.js";
import { Browse } from "./browse.js";
import { showClosed } from "./closed.js";
import { Favourites } from "./favourites.js";
import { FindForm } from "./find.js";
import { Finding } from "./finding.js";
import { installOfflineShell } from "./offline-shell.js";
import { whenNeeded } from "./parts.js";
import { linksEnd } from "./photos.js";
import { enterResults } from "./results-address.js";

const POLL_MS = 10_000;
const IDLE_POLL_MS = 30_000;
const RENEW_BEFORE_MS = 120_000;

const byId = (id) => document.getElementById(id);
const album = byId("album").dataset.album;
const favourites = new Favourites(album);
const form = new FindForm();
const page = { about: null, share: null, finding: null, found: [], browse: null };
/** What was found; loaded with the first search. */
let results = null;
let running = null;

async function start() {
  byId("closed").hidden = true;
  try {
    if (hasNoSession()) throw new Problem({ code: "unauthorized", status: 401 });
    const [session, about] = await Promise.all([call("GET", "/sessions"), call("GET", albumPath(album))]);
    page.share = session.share;
    page.may = session.share?.may ?? "browse";
    showAbout(about);
    byId("hero").hidden = false;
    byId("privacy").hidden = false;
    if (page.may === "browse") page.browse = new Browse({ album, favourites, page });
    const bib = bibOfAddress();
    if (bib !== null) {
      form.bib = bib;
      await find({ selfie: null, bib });
    }
    setTimeout(poll, POLL_MS);
  } catch (problem) {
    if (problem.sentence === undefined) throw problem;
    byId("hero").hidden = true;
    showClosed(byId("closed"), problem, start);
  }
}

function showAbout(about) {
  page.about = about;
  const done = about.photos_by_status.done ?? 0;
  const pending = (about.photos_by_status.queued ?? 0) + (about.photos_by_status.processing ?? 0);
  byId("title").textContent = about.title ?? album;
  document.title = `${about.title ?? album} · photofinish`;
  const parts = [about.held_on ? day(about.held_on) : null, counted("photos", done)];
  byId("meta").textContent = parts.filter(Boolean).join(" · ");
  const progress = byId("progress");
  progress.hidden = pending === 0;
  progress.setAttribute("max", done + pending);
  progress.setAttribute("value", done);
  progress.setAttribute("label", counted("pending_photos", pending));
  const purpose = about.privacy?.purpose;
  if (purpose) byId("consent").textContent = t("consent_with_purpose", { purpose });
}

/** What changed: counts, and with them new photos of the reader. Slower while nothing comes, not at all in the background. */
async function poll() {
  let wait = IDLE_POLL_MS;
  if (document.visibilityState === "visible" && navigator.onLine) {
    try {
      const before = page.about.photos;
      const about = await call("GET", albumPath(album));
      showAbout(about);
      showOffline(false);
      if (!byId("progress").hidden) wait = POLL_MS;
      if (about.photos !== before) {
        if (page.finding !== null) await findNew();
        page.browse?.grew();
      }
      await renewLinks();
    } catch (problem) {
      if (problem.code === "offline") showOffline(true);
      else if (problem.status === 401) return ended(problem);
      else wait = Math.max(wait, (problem.retryAfterS ?? 0) * 1000);
    }
  }
  return setTimeout(poll, wait);
}

function ended(problem) {
  for (const id of ["hero", "results", "all"]) byId(id).hidden = true;
  showClosed(byId("closed"), problem, null);
}

async function find(wanted) {
  running?.abort();
  running = new AbortController();
  const finding = new Finding(album, wanted);
  form.busy = true;
  form.problem(null);
  try {
    const [found] = await Promise.all([finding.photos(running.signal), loadResults()]);
    Object.assign(page, { found, finding });
    enterResults(wanted);
    results.show(page.found, { isNew: true });
  } catch (problem) {
    if (problem.name !== "AbortError") form.problem(problem.sentence ?? String(problem));
  } finally {
    form.busy = false;
  }
}

async function loadResults() {
  try {
    const { Results } = await import("./results.js");
    results ??= new Results({ album, favourites, page, searchAgain, findNew });
  } catch (error) {
    throw new Problem({ code: "offline", message: String(error) });
  }
}

/** Search again with what is known, and add what is new, without moving what is being looked at. */
async function findNew() {
  const before = new Set(page.found.map((photo) => photo.photo.photo_id));
  page.found = await page.finding.photos();
  results.show(page.found);
  const fresh = page.found.filter((photo) => !before.has(photo.photo.photo_id)).length;
  if (fresh > 0) toast(counted("new_photos_of_you", fresh));
}

/** Links to pictures end after a quarter of an hour: get new ones before, for those who stay. */
async function renewLinks() {
  if (page.finding !== null && linksEnd(page.found) - Date.now() < RENEW_BEFORE_MS) await findNew();
  await page.browse?.renewLinks();
}

/** The reader opted out: nothing of what was found is shown any more. */
function forgotten() {
  page.finding = null;
  page.found = [];
  form.removeSelfie();
  history.replaceState(null, "", location.pathname);
  results?.hide();
}

function searchAgain() {
  history.back();
}

async function askPrivacy() {
  const privacy = await whenNeeded(() => import("./privacy.js"));
  privacy?.ask({ album, page, selfie: form.wanted.selfie, onDone: forgotten });
}

function bibOfAddress() {
  return new URLSearchParams(location.hash.slice(1)).get("bib");
}

function showOffline(isOffline) {
  byId("offline").hidden = !isOffline;
}

byId("privacy").addEventListener("click", askPrivacy);
form.addEventListener("find", (event) => find(event.detail));
addEventListener("popstate", () => {
  if (history.state?.layers) return;
  if (history.state?.results && page.finding !== null) {
    if (results.isHidden) results.show(page.found, { isNew: true });
  } else if (location.hash === "") {
    results?.hide();
  }
});
addEventListener("offline", () => showOffline(true));
addEventListener("online", () => {
  showOffline(false);
  if (page.about === null) start();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") page.browse?.renewLinks();
});
installOfflineShell();
start();

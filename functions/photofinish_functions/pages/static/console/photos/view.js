// The photos of an album: a grid with filters; with an id in the address, one photo.

import { el } from "../../elements.js";
import { counted, t } from "../../messages.js";
import { albumPath, api } from "../api.js";
import { empty, failure } from "../forms.js";
import { photoView } from "../photo/view.js";
import { rename } from "../router.js";
import { Feed } from "./feed.js";
import { filterBar, filterOf } from "./filters.js";
import { Grid } from "./grid.js";
import { zipButton } from "./zip.js";

// The last grid: going back to it from a photo finds it as it was.
let last = null;

export async function photosView(place, context) {
  const filter = filterOf(place.query);
  if (place.id !== null) {
    last = { feed: feedOf(place.album, filter), opened: place.id };
    return photoView(place, { ...context, feed: last.feed, filter });
  }
  const { album } = place;
  const head = el("p", { class: "soft small", role: "status" });
  const body = el("div", {});
  const show = (wanted, feed) => showGrid({ album, filter: wanted, feed, head, body, signal: context.signal });
  const bar = filterBar(
    album,
    filter,
    (wanted) => {
      rename({ album, view: "photos", query: wanted });
      show(wanted, new Feed(album, wanted));
    },
    context.signal,
  );
  await show(filter, feedOf(album, filter));
  return { title: t("section_photos"), actions: [zipButton(album, () => last.feed)], content: [bar, head, body], isWide: true };
}

/** The feed that was shown last, if it is of this filter; else a new one. */
function feedOf(album, filter) {
  const isSame = last !== null && last.feed.album === album && JSON.stringify(last.feed.filter) === JSON.stringify(filter);
  return isSame ? last.feed : new Feed(album, filter);
}

async function showGrid({ album, filter, feed, head, body, signal }) {
  const opened = last?.feed === feed ? last.opened : null;
  last = { feed, opened: null };
  body.dataset.filter = JSON.stringify(filter);
  try {
    if (feed.photos.length === 0) await feed.more();
  } catch (error) {
    if (error.status !== 404) {
      body.replaceChildren(failure(error, () => showGrid({ album, filter, feed, head, body, signal })));
      return;
    }
    feed.isComplete = true;
  }
  if (last.feed !== feed || signal.aborted) return; // another filter was chosen meanwhile
  if (feed.photos.length === 0) {
    head.textContent = "";
    const isFiltered = Object.keys(filter).length > 0;
    body.replaceChildren(empty("pictures", t(isFiltered ? "none_of_filter_title" : "no_photos_title"), t(isFiltered ? "none_of_filter_text" : "no_photos_text")));
    return;
  }
  const grid = new Grid(feed, { signal, query: filter, failed: (error) => body.append(failure(error, () => grid.draw())) });
  body.replaceChildren(grid.element);
  requestAnimationFrame(() => {
    grid.draw();
    const index = opened === null ? -1 : feed.indexOf(opened);
    if (index >= 0) grid.focus(index);
  });
  tellHowMany(album, filter, feed, head, signal);
}

async function tellHowMany(album, filter, feed, head, signal) {
  const named = Object.keys(filter);
  head.textContent = feed.isComplete ? counted("photos", feed.photos.length) : "";
  if (feed.isComplete || named.some((name) => name !== "status")) return;
  const { photos_by_status: by } = await api("GET", albumPath(album), { signal }).catch(() => ({ photos_by_status: {} }));
  const total = filter.status ? (by[filter.status] ?? 0) : Object.entries(by).reduce((sum, [status, one]) => sum + (status === "erased" ? 0 : one), 0);
  if (total > 0) head.textContent = counted("photos", total);
}

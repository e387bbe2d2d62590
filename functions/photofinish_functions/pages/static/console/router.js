// Addresses of the console: `/console` is the list of albums, `/console/albums/{album}/{view}/{id}` something in one,
// `/console/keys` and `/console/audit` are of the whole deployment.

const ROOT = "/console";
const OF_ALL = ["keys", "audit"];

/** The place that an address names: `{album, view, id, query}`; the list of albums has no album. */
export function placeOf(url) {
  const [, , kind, album, view = "overview", id = null] = url.pathname.split("/").map(decodeURIComponent);
  if (OF_ALL.includes(kind)) return { album: null, view: kind, id: null, query: url.searchParams };
  if (kind !== "albums" || !album) return { album: null, view: "albums", id: null, query: url.searchParams };
  return { album, view, id, query: url.searchParams };
}

/** The address of a place. */
export function addressOf({ album = null, view = "overview", id = null, query = null }) {
  const below = album === null ? OF_ALL.filter((one) => one === view) : ["albums", album, ...(view === "overview" ? [] : [view]), ...(id === null ? [] : [id])];
  const text = query === null ? "" : String(new URLSearchParams(query));
  return `${[ROOT, ...below.map(encodeURIComponent)].join("/")}${text === "" ? "" : `?${text}`}`;
}

/** Show `show(place)` for the address now, and for every later one: links inside the console load no new page. */
export function startRouter(show) {
  const showHere = () => show(placeOf(new URL(location.href)));
  let shown = location.pathname + location.search;
  window.addEventListener("popstate", () => {
    // A dialog puts a state without another address into the history.
    if (location.pathname + location.search === shown) return;
    shown = location.pathname + location.search;
    showHere();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.defaultPrevented;
    if (!link || !isPlain || link.target || link.hasAttribute("download")) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || !isOurs(url.pathname) || url.hash) return;
    if (url.searchParams.has("lang")) return;
    event.preventDefault();
    go(url.pathname + url.search);
  });
  const go = (address) => {
    if (address !== location.pathname + location.search) history.pushState(null, "", address);
    shown = location.pathname + location.search;
    showHere();
  };
  navigate.go = go;
  navigate.note = () => (shown = location.pathname + location.search);
  showHere();
}

/** Go to a place. */
export function navigate(place) {
  navigate.go(addressOf(place));
}

/** Go to a place from a dialog that is being closed: its own entry leaves the history first. */
export function navigateFromDialog(place) {
  window.addEventListener("popstate", () => setTimeout(() => navigate(place)), { once: true });
}

/** Change the address to that of a place without showing it again: the view shows it already. */
export function rename(place) {
  history.replaceState(null, "", addressOf(place));
  navigate.note();
}

const isOurs = (path) => path === ROOT || path.startsWith(`${ROOT}/`);

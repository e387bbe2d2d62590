// The entry of the results in the browser's history: back, and "Search again", lead from it to the form.

/** The number is kept behind `#`, which is sent to no server; a selfie is kept nowhere. */
function addressOf({ selfie, bib }) {
  return selfie === null && bib !== null ? `#bib=${encodeURIComponent(bib)}` : "#me";
}

/** Give the results an entry above the form's; beneath an address of results that was opened directly, too. */
export function enterResults(wanted, { history, location } = window) {
  if (history.state?.results === true) return;
  if (location.hash !== "") history.replaceState(null, "", location.pathname + location.search);
  history.pushState({ results: true }, "", addressOf(wanted));
}

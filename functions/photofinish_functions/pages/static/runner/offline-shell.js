// Keeps scripts, styles and one page that says "offline" in the browser; no photo and no answer of the API.

export function installOfflineShell() {
  if (!("serviceWorker" in navigator)) return;
  // After the page is there: it must not wait for this.
  addEventListener("load", () => navigator.serviceWorker.register("/service-worker.js").catch(() => {}));
}

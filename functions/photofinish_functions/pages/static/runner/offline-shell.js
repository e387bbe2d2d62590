// Keeps scripts, styles and one page that says "offline" in the browser; no photo and no answer of the API.

const LATEST_MS = 3000;

export function installOfflineShell() {
  if (!("serviceWorker" in navigator)) return;
  // After the page is there: it must not wait for this.
  const install = () => navigator.serviceWorker.register("/service-worker.js").catch(() => {});
  const later = () => (self.requestIdleCallback ? requestIdleCallback(install, { timeout: LATEST_MS }) : setTimeout(install, LATEST_MS));
  if (document.readyState === "complete") later();
  else addEventListener("load", later);
}

// Serves the files of this version from the browser's cache, and one page without data while there is no network. What the API
// answers and every photo goes past it. The server writes VERSION, FILES and OFFLINE before this.

const NAME = `photofinish-${VERSION}`;

self.addEventListener("install", (event) => {
  const fill = async () => (await caches.open(NAME)).addAll([OFFLINE, ...FILES]);
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const clean = async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name.startsWith("photofinish-") && name !== NAME).map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(clean());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (FILES.includes(url.pathname)) {
    // A file is the same for every origin and encoding; scripts are asked for with an origin, and were kept without one.
    event.respondWith(caches.match(request, { ignoreVary: true }).then((kept) => kept ?? fetch(request)));
  } else if (request.mode === "navigate" && /^\/[as]\//.test(url.pathname)) {
    event.respondWith(fetch(request).catch(() => caches.match(OFFLINE)));
  }
});

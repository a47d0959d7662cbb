// Keeps this client for when the node is away. What the node says is never kept here.
//
// Every version of the client has addresses of its own (/web/VERSION/…), so two versions never mix:
// a page runs to its end with the version it began with. The page itself comes from the node while
// that answers, else from here.

const VERSION = "@VERSION@";
const FILES = "@FILES@".split(" ");
const OURS = "wetalk-";
const NAME = OURS + VERSION;
const PAGE = "/";
const PATIENCE_MS = 3000;

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate" && pathname === PAGE) event.respondWith(page(request));
  else if (pathname !== PAGE && (pathname.startsWith("/web/") || FILES.includes(pathname))) {
    event.respondWith(kept(request));
  }
});

/** All files or none; and the page only if it is of this version. */
async function keep() {
  const cache = await caches.open(NAME);
  await cache.addAll(FILES.map((name) => new Request(name, { cache: "reload" })));
  const found = await (await cache.match(PAGE)).text();
  if (!found.includes(VERSION)) {
    await caches.delete(NAME);
    throw new Error("the node has another version by now");
  }
  await self.skipWaiting();
}

/** The version before stays, for pages that are still open with it; older ones go. */
async function takeOver() {
  const names = (await caches.keys()).filter((name) => name.startsWith(OURS) && name !== NAME);
  await Promise.all(names.slice(0, -1).map((name) => caches.delete(name)));
  await self.clients.claim();
  const pages = await self.clients.matchAll({ type: "window" });
  for (const one of pages) one.postMessage({ renewed: VERSION });
}

async function page(request) {
  try {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    return await fetch(request.url, { cache: "no-store", redirect: "error", signal: patience });
  } catch {
    return (await (await caches.open(NAME)).match(PAGE)) ?? Response.error();
  }
}

async function kept(request) {
  const own = await (await caches.open(NAME)).match(request);
  return own ?? (await caches.match(request)) ?? fetch(request);
}

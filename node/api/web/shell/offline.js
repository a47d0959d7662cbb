// The service worker, which serves this client while the node is away.

import { signal } from "../base/ui.js";

const AFTER_START_MS = 3000; // the first view comes first
const WORKER = "/sw.js";

/** True once a newer client lies ready; a reload brings it. */
export const renewed = signal(false);

/** Have the worker keep this client; tells when the node brings a newer one. */
export function serveOffline() {
  if (!("serviceWorker" in navigator)) return;
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    if (data.renewed && !import.meta.url.includes(data.renewed)) renewed.value = true;
  });
  setTimeout(register, AFTER_START_MS);
}

async function register() {
  // The only address that may ever become a worker: the page's policy allows this one rule alone.
  const rule = { createScriptURL: () => WORKER };
  const address = window.trustedTypes
    ? trustedTypes.createPolicy("wetalk-worker", rule).createScriptURL(WORKER)
    : WORKER;
  try {
    await navigator.serviceWorker.register(address, { updateViaCache: "none" });
  } catch (error) {
    console.info("not kept for offline:", error.message); // private windows, odd certificates
  }
}

// The stream of events, read with fetch because it needs a header; resumed while the tab is open.

import { headers, known } from "./api.js";

const AGAIN_FIRST_MS = 500;
const AGAIN_MAX_MS = 15000;
const OPEN_MAX_MS = 3000; // a node that sleeps takes the connection and says nothing
const SILENCE_MAX_MS = 40000; // the node fills silence every 15 seconds
const NO_TOKEN = 401;

/**
 * Follow the node's events until the token is refused. `heard(name, data)` for each of them,
 * `online(true or false)` as the node comes and goes. Nothing is missed in between: every new
 * stream goes on where the last one ended. The first begins with `reset`: what was asked before it
 * may be old.
 */
export async function follow(heard, online) {
  let lastId = null;
  let wait = AGAIN_FIRST_MS;
  while (known.peek()) {
    const patience = new AbortController();
    const resumed = lastId !== null;
    const opening = setTimeout(() => patience.abort(), OPEN_MAX_MS);
    try {
      const extra = lastId === null ? {} : { "Last-Event-ID": lastId };
      const response = await fetch("/v1/events", {
        headers: { ...headers(), ...extra },
        cache: "no-store",
        credentials: "omit",
        signal: patience.signal,
      });
      clearTimeout(opening);
      if (response.status === NO_TOKEN) known.value = false;
      if (!response.ok) throw new Error(String(response.status));
      online(true);
      wait = AGAIN_FIRST_MS;
      for await (const event of read(response.body, patience)) {
        lastId = event.id ?? lastId;
        heard(event.name === "ready" && !resumed ? "reset" : event.name, event.data);
      }
    } catch (error) {
      if (!(error instanceof Error || error instanceof DOMException)) throw error;
    }
    online(false);
    await pause(wait);
    wait = Math.min(wait * 2, AGAIN_MAX_MS);
  }
}

let hasten = () => {};

/** Look for the node now, where it was waited for. */
export const hurry = () => hasten();

/** Wait; shorter where the device says that it has a network again, or the tab is looked at. */
function pause(milliseconds) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      document.removeEventListener("visibilitychange", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    hasten = done;
    addEventListener("online", done);
    document.addEventListener("visibilitychange", done);
  });
}

/** The events of a stream of bytes (WHATWG HTML, section 9.2). A silent one is given up. */
async function* read(body, patience) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let kept = "";
  for (;;) {
    const timer = setTimeout(() => patience.abort(), SILENCE_MAX_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    const blocks = (kept + value).split("\n\n");
    kept = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s)));
      if (fields.data) {
        yield { name: fields.event ?? "message", id: fields.id, data: JSON.parse(fields.data) };
      }
    }
  }
}

// The stream of events, read with fetch because it needs a header; resumed while the tab is open.

import { headers } from "./api.js";

const AGAIN_FIRST_MS = 500;
const AGAIN_MAX_MS = 15000;

/** Call `heard(name, data)` for each event, `online(true or false)` as the node comes and goes. */
export async function follow(heard, online) {
  let lastId = null;
  let wait = AGAIN_FIRST_MS;
  for (;;) {
    try {
      const extra = lastId === null ? {} : { "Last-Event-ID": lastId };
      const response = await fetch("/v1/events", {
        headers: { ...headers(), ...extra },
        cache: "no-store",
      });
      if (!response.ok) throw new Error(String(response.status));
      online(true);
      wait = AGAIN_FIRST_MS;
      for await (const event of read(response.body)) {
        lastId = event.id ?? lastId;
        heard(event.name, event.data);
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
    online(false);
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 2, AGAIN_MAX_MS);
  }
}

/** The events of a stream of bytes (WHATWG HTML, section 9.2). */
async function* read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let kept = "";
  for (;;) {
    const { done, value } = await reader.read();
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

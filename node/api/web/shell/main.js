// The start: token, language, frame; then the node's events, and the worker for offline.

import { known, takeToken } from "../base/api.js";
import { start } from "../base/store.js";
import { effect, html, render } from "../base/ui.js";
import { preferred, speak } from "../base/words.js";
import { serveOffline } from "./offline.js";
import { Shell } from "./shell.js";

takeToken();
await speak(preferred());
let running = false;
effect(() => {
  if (known.value && !running) start();
  running = known.value;
});
render(html`<${Shell} />`, document.getElementById("app"));
serveOffline();
addEventListener("hashchange", () => {
  if (!location.hash.startsWith("#token=")) return;
  takeToken();
  location.reload();
});

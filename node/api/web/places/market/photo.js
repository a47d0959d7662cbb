// A picture of a listing. Its bytes may still be with a neighbour: then the node is asked once to
// fetch them, and what it says stands in the picture's place until the event `picture` comes.

import { get } from "../../base/api.js";
import { attempt } from "../../base/notices.js";
import { Picture } from "../../base/parts.js";
import { html, useEffect, useSignal } from "../../base/ui.js";

const VERSION = "/v1"; // paths in this client are below it

/** `file` is a file of a picture as the API tells it, `alt` what is to be seen. */
export function Photo({ file, alt }) {
  const told = useSignal("");
  const path = file.url.slice(VERSION.length);
  useEffect(() => {
    if (file.here) return;
    attempt(async () => (told.value = (await get(path)).text ?? ""));
  }, [file.here, path]);
  if (!file.here) {
    return html`<span class="photo waiting soft">
      <img src="/boat.svg" alt="" width="48" height="48" /> ${alt && told.value}
    </span>`;
  }
  const { width, height } = file;
  return html`<${Picture} class="photo" path=${path} alt=${alt} width=${width} height=${height} />`;
}

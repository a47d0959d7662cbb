// A picture of a listing. Its bytes may still be with a neighbour: asking has the node fetch them,
// and what it says stands in the picture's place until the event `picture` comes. What the listing
// said of them may be out of date when the answer comes, so the answer alone tells which it is.

import { file as ask } from "../../base/api.js";
import { attempt } from "../../base/notices.js";
import { html, useEffect, useSignal } from "../../base/ui.js";

const VERSION = "/v1"; // paths in this client are below it
const WORDS = "application/json";

/** `file` is a file of a picture as the API tells it, `alt` what is to be seen. */
export function Photo({ file: { here, url, width, height }, alt }) {
  const told = useSignal(null);
  const address = useSignal(null);
  useEffect(() => {
    let made = null;
    let gone = false;
    attempt(async () => {
      const answer = await ask(url.slice(VERSION.length));
      const words = answer.type === WORDS ? JSON.parse(await answer.text()).text : null;
      if (gone) return;
      if (words === null) made = URL.createObjectURL(answer);
      told.value = words;
      address.value = made;
    });
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [here, url]);
  if (told.value !== null || (address.value === null && !here)) {
    return html`<span class="photo waiting soft">
      <img src="/boat.svg" alt="" width="48" height="48" /> ${alt && told.value}
    </span>`;
  }
  const source = address.value ?? "/boat.svg";
  return html`<img class="photo" src=${source} alt=${alt} width=${width} height=${height} />`;
}

// A button for each language, in that language: for whoever cannot read the page yet.

import { away } from "./api.js";
import { attempt } from "./notices.js";
import { html } from "./ui.js";
import { LANGUAGES, language, speak } from "./words.js";

/** Speak another language; what stands in the way is told. */
export function choose(code) {
  return attempt(async () => {
    try {
      await speak(code);
    } catch (error) {
      throw error instanceof TypeError ? away() : error;
    }
  });
}

/** The languages, the one spoken now pressed. */
export function Languages() {
  return html`<div class="row">
    ${Object.entries(LANGUAGES).map(
      ([code, name]) => html`<button
        type="button"
        key=${code}
        lang=${code}
        aria-pressed=${code === language.value}
        onClick=${() => choose(code)}
      >
        ${name}
      </button>`
    )}
  </div>`;
}

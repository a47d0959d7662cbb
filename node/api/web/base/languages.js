// A button for each language, in that language: for whoever cannot read the page yet.

import { html } from "./ui.js";
import { LANGUAGES, language, speak } from "./words.js";

/** The languages, the one spoken now pressed. */
export function Languages() {
  return html`<div class="row">
    ${Object.entries(LANGUAGES).map(
      ([code, name]) => html`<button
        type="button"
        key=${code}
        lang=${code}
        aria-pressed=${code === language.value}
        onClick=${() => speak(code)}
      >
        ${name}
      </button>`
    )}
  </div>`;
}

// The way to the page before.

import { html } from "../base/ui.js";
import { t } from "../base/words.js";

/** A button that goes back to a step. */
export function BackTo({ step, next }) {
  return html`<button type="button" class="plain" onClick=${() => next(step)}>
    ${t("action.back")}
  </button>`;
}

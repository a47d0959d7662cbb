// The first page: the language, and whether somebody is new or comes back.

import { Boat } from "../base/boat.js";
import { Page } from "../base/parts.js";
import { Languages } from "../base/languages.js";
import { html } from "../base/ui.js";
import { t } from "../base/words.js";

/** Two ways to begin, the way back beside the other. */
export function Welcome({ next }) {
  return html`<${Page} title=${t("first_run.welcome")}>
    <div class="empty"><${Boat} width="120" /></div>
    <p>${t("first_run.about")}</p>
    <h2>${t("first_run.language")}</h2>
    <${Languages} />
    <div class="ways">
      <button type="button" class="main" onClick=${() => next("name")}>
        ${t("first_run.new")}
      </button>
      <button type="button" onClick=${() => next("back")}>${t("first_run.known")}</button>
    </div>
  <//>`;
}

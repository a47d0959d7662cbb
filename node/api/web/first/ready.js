// The last page of the first run: what can be done now.

import { Boat } from "../base/boat.js";
import { Button, Page } from "../base/parts.js";
import { html } from "../base/ui.js";
import { t } from "../base/words.js";
import { untilStarted } from "./starting.js";

/** Say hello, or invite somebody. */
export function Ready({ facts, leave }) {
  const to = (place) => async () => {
    await untilStarted();
    leave(place);
  };
  return html`<${Page} title=${t("first_run.ready_title", { name: facts.name })}>
    <div class="empty"><${Boat} width="120" /></div>
    ${facts.confirmed && html`<p class="strong">${t("first_run.confirmed")}</p>`}
    <p>${t("first_run.ready")}</p>
    <div class="ways">
      <${Button} class="main" work=${to("talk")}>${t("first_run.go_talk")}<//>
      <${Button} work=${to("community")}>${t("first_run.go_invite")}<//>
    </div>
  <//>`;
}

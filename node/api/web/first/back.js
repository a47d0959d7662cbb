// Somebody who has been here before: their words, and an invitation to where their records are.

import { post } from "../base/api.js";
import { Area, Check, Form, Misfit, Submit } from "../base/forms.js";
import { Page } from "../base/parts.js";
import { html } from "../base/ui.js";
import { language, t } from "../base/words.js";
import { BackTo } from "./back_to.js";
import { InvitationFields, needInvitation } from "./invitation.js";
import { untilStarted } from "./starting.js";
import { comingBack } from "./coming.js";

/** Asks for both; then the frame shows how the records come in. */
export function Back({ next, leave }) {
  const send = async ({ words, invitation, beside }) => {
    if (!words.trim()) throw new Misfit({ words: t("phrase.ask") });
    needInvitation(invitation);
    const asked = { words, invitation, language: language.peek(), beside: beside !== undefined };
    await post("/setup/back", asked);
    comingBack.value = words; // in this tab's memory, so that they are typed once
    await untilStarted();
    leave("trade");
  };
  return html`<${Page} title=${t("first_run.back_title")}>
    <${Form} send=${send} keeps>
      <${Area}
        label=${t("first_run.back_words")}
        hint=${t("first_run.back_words_hint")}
        name="words"
        rows="5"
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
      />
      <${InvitationFields}
        label=${t("first_run.back_invitation")}
        hint=${t("first_run.back_invitation_hint")}
      />
      <${Check} name="beside" label=${t("first_run.back_beside")} />
      <p class="hint">${t("first_run.back_beside_hint")}</p>
      <div class="row">
        <${Submit}>${t("first_run.back_go")}<//>
        <${BackTo} step="welcome" next=${next} />
      </div>
    <//>
    <p class="soft">${t("first_run.back_file")}</p>
  <//>`;
}

// The 24 words, while they still lie in a file: checked against what their owner wrote on paper.

import { post } from "../../base/api.js";
import { Area, Form, Submit } from "../../base/forms.js";
import { say } from "../../base/notices.js";
import { Card } from "../../base/parts.js";
import { renew } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

/** The card that asks for the words. */
export function Words({ identity }) {
  const send = async ({ words }) => {
    await post("/identity/confirm", { words });
    say(t("phrase.confirmed"));
    renew("/identity");
  };
  return html`<${Card} title=${t("word.phrase")}>
    <p>${t("phrase.explain")}</p>
    <p>${t("web.words_file", { path: identity.words_file ?? "" })}</p>
    <${Form} send=${send}>
      <${Area}
        label=${t("phrase.ask")}
        name="words"
        rows="4"
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
      />
      <${Submit}>${t("web.check_words")}<//>
    <//>
  <//>`;
}

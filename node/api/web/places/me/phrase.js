// The 24 words, while they still lie in a file: checked against what their owner wrote on paper.

import { post } from "../../base/api.js";
import { Form, Submit } from "../../base/forms.js";
import { say } from "../../base/notices.js";
import { Card, Loaded, Page } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { renew, useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { TypedWords, needWords } from "./typed_words.js";

/** The page that asks for the words; once they were right it says so. */
export function Words() {
  const identity = useData("/identity");
  const send = async ({ words }) => {
    needWords({ words });
    await post("/identity/confirm", { words });
    say(t("first_run.confirmed"));
    renew("/identity");
  };
  return html`<${Page} title=${t("word.phrase")} back=${href("me")} backText=${t("place.me")}>
    <${Card}>
      <p>${t("phrase.explain")}</p>
      <${Loaded} of=${identity}>
        ${({ words_waiting: waiting, words_file: file }) =>
          waiting
            ? html`<p>${t("web.words_file", { path: file })}</p>
                <${Form} send=${send}>
                  <${TypedWords} />
                  <${Submit}>${t("web.check_words")}<//>
                <//>`
            : html`<p class="strong">${t("first_run.confirmed")}</p>`}
      <//>
    <//>
  <//>`;
}

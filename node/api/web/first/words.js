// The 24 words: shown to be written down, then three of them asked back.

import { post } from "../base/api.js";
import { Field, Form, Misfit, Submit } from "../base/forms.js";
import { Page } from "../base/parts.js";
import { html, useMemo } from "../base/ui.js";
import { t } from "../base/words.js";
import { untilStarted } from "./starting.js";

const ASKED_COUNT = 3;

/** All of them, numbered. */
export function ShowWords({ facts, next }) {
  const { words } = facts.made;
  return html`<${Page} title=${t("first_run.words_title")}>
    <p>${t("first_run.words_why")}</p>
    <p class="strong">${t("first_run.words_do")}</p>
    <ol class="words" translate="no">
      ${words.map((word, place) => html`<li key=${place}>${word}</li>`)}
    </ol>
    <div class="row">
      <button type="button" class="main" onClick=${() => next("check")}>
        ${t("first_run.words_done")}
      </button>
      <button type="button" onClick=${() => next("ready")}>${t("first_run.words_later")}</button>
    </div>
    <p class="soft">${t("first_run.words_later_means")}</p>
  <//>`;
}

/** Three of them, at places that nobody can foresee. */
export function CheckWords({ facts, next }) {
  const { words } = facts.made;
  const places = useMemo(() => drawn(words.length), []);
  const send = async (values) => {
    const wrong = places.filter((place) => plain(values[`word-${place}`]) !== plain(words[place]));
    if (wrong.length) {
      const said = (place) => t("first_run.check_wrong", { number: place + 1 });
      throw new Misfit(Object.fromEntries(wrong.map((one) => [`word-${one}`, said(one)])));
    }
    await untilStarted();
    await post("/identity/confirm", { words: words.join(" ") });
    next("ready", { confirmed: true });
  };
  return html`<${Page} title=${t("first_run.check_title")}>
    <${Form} send=${send} keeps>
      ${places.map(
        (place) => html`<${Field}
          key=${place}
          label=${t("first_run.check_word", { number: place + 1 })}
          name=${`word-${place}`}
          autocomplete="off"
          autocapitalize="none"
          spellcheck="false"
        />`
      )}
      <div class="row">
        <${Submit}>${t("first_run.check")}<//>
        <button type="button" class="plain" onClick=${() => next("words")}>
          ${t("first_run.again")}
        </button>
      </div>
    <//>
  <//>`;
}

function drawn(count) {
  const left = Array.from({ length: count }, (_, place) => place);
  const some = Array.from({ length: ASKED_COUNT }, () => {
    const [dice] = crypto.getRandomValues(new Uint32Array(1));
    return left.splice(dice % left.length, 1)[0];
  });
  return some.sort((one, other) => one - other);
}

function plain(word) {
  return word.normalize("NFKC").trim().toLowerCase();
}

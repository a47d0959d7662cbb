// The field for the 24 words: whatever the root key signs asks for them anew, and keeps them never.

import { Area, Misfit } from "../../base/forms.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

/** A field named `words`. */
export function TypedWords({ hint }) {
  return html`<${Area}
    label=${t("me.words_type")}
    hint=${hint}
    name="words"
    rows="5"
    autocomplete="off"
    autocapitalize="none"
    spellcheck="false"
    translate="no"
  />`;
}

/** Refuse a form without words, before it is sent. */
export function needWords({ words }) {
  if (!words.trim()) throw new Misfit({ words: t("phrase.ask") });
}

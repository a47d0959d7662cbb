// What stands here without a token: how to open the page, in a language that can be read.

import { adoptToken } from "../base/api.js";
import { Field, Form, Misfit, Submit } from "../base/forms.js";
import { Card, Page } from "../base/parts.js";
import { html } from "../base/ui.js";
import { LANGUAGES, language, speak, t } from "../base/words.js";

const TOKEN = /(?:^|token=)([A-Za-z0-9_-]{40,128})$/;

/** Asks for the address that the node showed, or the token in it. */
export function Locked() {
  const send = ({ key }) => {
    const found = TOKEN.exec(key.trim());
    if (!found) throw new Misfit({ key: t("web.token_wrong") });
    adoptToken(found[1]);
    location.reload();
  };
  return html`<${Page} title=${t("app.name")}>
    <img src="/boat.svg" alt="" width="96" height="96" />
    <p>${t("web.token")}</p>
    <${Languages} />
    <${Card}>
      <${Form} send=${send} keeps>
        <${Field} label=${t("web.token_field")} name="key" autocomplete="off" spellcheck="false" />
        <${Submit}>${t("web.go")}<//>
      <//>
    <//>
  <//>`;
}

/** A button for each language, in that language. */
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

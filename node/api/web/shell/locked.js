// What stands here without a token: how to open the page, in a language that can be read.

import { adoptToken } from "../base/api.js";
import { Boat } from "../base/boat.js";
import { Field, Form, Misfit, Submit } from "../base/forms.js";
import { Languages } from "../base/languages.js";
import { Card, Page } from "../base/parts.js";
import { html } from "../base/ui.js";
import { t } from "../base/words.js";

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
    <${Boat} width="96" />
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

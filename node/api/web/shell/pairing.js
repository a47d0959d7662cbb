// A phone that was shown a code: the code is exchanged for a token of its own.
//
// The code comes in the fragment of the address and is taken out at once, as a token is. Whether
// the token outlives the tab is the member's choice, and only on a phone: the owner's never does.

import { adoptToken, pairing, post } from "../base/api.js";
import { Boat } from "../base/boat.js";
import { Check, Form, Submit } from "../base/forms.js";
import { Languages } from "../base/languages.js";
import { Card, Page } from "../base/parts.js";
import { html } from "../base/ui.js";
import { t } from "../base/words.js";

/** Asks once, then the client starts. */
export function Pairing() {
  const send = async ({ keep }) => {
    const { token } = await post("/lan/pair", { code: pairing.peek() });
    adoptToken(token, { keep: keep !== undefined });
    pairing.value = null;
    location.reload();
  };
  return html`<${Page} title=${t("pair.title")}>
    <${Boat} width="96" />
    <p>${t("pair.about")}</p>
    <${Languages} />
    <${Card}>
      <${Form} send=${send} keeps>
        <${Check} name="keep" label=${t("pair.keep")} />
        <p class="hint">${t("pair.keep_hint")}</p>
        <${Submit}>${t("pair.go")}<//>
      <//>
    <//>
  <//>`;
}

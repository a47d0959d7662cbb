// What became known of a device after it was shut out: was it this member, or somebody else?

import { post } from "../../base/api.js";
import { ask } from "../../base/dialog.js";
import { Field, Form, Submit } from "../../base/forms.js";
import { money } from "../../base/format.js";
import { say } from "../../base/notices.js";
import { Button, Name } from "../../base/parts.js";
import { renew, useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { TypedWords, needWords } from "./typed_words.js";

/** The payments, and the two answers. */
export function Late({ one }) {
  const { text, payments, left } = one.late;
  const community = useData("/community");
  const unit = (paid) => (paid.unit === "credit" ? (community.value?.unit_name ?? "") : paid.unit);
  return html`<p class="attention">${text}</p>
    <ul class="list-plain">
      ${payments.map(
        (paid) => html`<li key=${paid.trade}>
          <${Name} who=${paid.partner} /> · ${money(paid.amount, paid.decimals, unit(paid))}
        </li>`
      )}
    </ul>
    ${!left && html`<${Answers} one=${one} />`}`;
}

function Answers({ one }) {
  const mine = async ({ words, password }) => {
    needWords({ words });
    await post("/devices/recognise", { device: one.device, words, password: password || null });
    say(t("me.renewed"));
    renew("/devices");
  };
  const notMine = async () => {
    if (!(await ask({ title: t("me.late_no"), text: t("me.late_no_about"), grave: true }))) return;
    await post("/devices/leave", { device: one.device });
    say(t("device.left"));
    renew("/devices");
  };
  return html`<details>
      <summary>${t("me.late_yes")}</summary>
      <${Form} send=${mine}>
        <${TypedWords} />
        <${OwnPassword} />
        <${Submit}>${t("me.late_yes")}<//>
      <//>
    </details>
    <${Button} work=${notMine}>${t("me.late_no")}<//>`;
}

/** A field named `password`: of this computer's key, where it has one. */
export function OwnPassword() {
  return html`<${Field}
    label=${t("me.key_password")}
    name="password"
    type="password"
    autocomplete="current-password"
  />`;
}

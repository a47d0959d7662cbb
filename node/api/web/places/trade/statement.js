// The statement of a month, to print.

import { Field, Form, Submit } from "../../base/forms.js";
import { Card, printed } from "../../base/parts.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

const MONTH_CHARACTERS = 7;

/** The card that prints a month. */
export function Statement() {
  const month = new Date().toISOString().slice(0, MONTH_CHARACTERS);
  const send = (values) =>
    printed("/statements", { month: values.month, format: "html", order: true });
  return html`<${Card} title=${t("web.statement")}>
    <${Form} send=${send} keeps>
      <${Field} label=${t("web.month")} name="month" value=${month} inputmode="numeric" />
      <${Submit}>${t("web.print")}<//>
    <//>
  <//>`;
}

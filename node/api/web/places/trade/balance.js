// The balance, what may be spent, and how sure it is, with what that means.

import { money } from "../../base/format.js";
import { Card, Loaded } from "../../base/parts.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { Curve } from "./curve.js";

/** The card of the own balance. */
export function Balance() {
  const balance = useData("/balance");
  return html`<${Card}><${Loaded} of=${balance}>${(mine) => lines(mine)}<//><//>`;
}

function lines(mine) {
  const shown = (units) => money(units, mine.decimals, mine.unit_name);
  return html`<p class="big">${shown(mine.book)}</p>
    <p>${mine.text}</p>
    ${mine.spendable === null
      ? html`<p class="soft">${t("problem.no-grant")}</p>`
      : html`<p>${t("balance.spendable", { amount: shown(mine.spendable) })}</p>`}
    ${mine.reserved > 0 &&
    html`<p class="soft">${t("web.reserved", { amount: shown(mine.reserved) })}</p>`}
    ${mine.closed && html`<p class="soft">${mine.closed.text}</p>`}
    <${Curve} mine=${mine} />
    <details class="soft">
      <summary>${mine.level}: ${mine.level_text}</summary>
      <p>${mine.level_means}</p>
    </details>
    ${mine.final &&
    mine.unconfirmed > 0 &&
    html`<p class="soft">${t("balance.unconfirmed", { count: mine.unconfirmed })}</p>`}
    ${!mine.final && html`<p class="soft">${t("trade.not_final")}</p>`}`;
}

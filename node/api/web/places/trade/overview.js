// The balance with its line, what can be done, cases, and own trades.

import { clean } from "../../base/format.js";
import { Card, List, Loaded, More, Page, Time } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { useData, usePages } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { Balance } from "./balance.js";
import { Cases } from "./cases.js";

const ANSWERS = ["accept", "settle"]; // steps that the other side waits for

/** The page that Trade begins with; `chosen` is the trade that is open beside it. */
export function Overview({ chosen }) {
  const trades = usePages("/trades");
  const identity = useData("/identity");
  const own = identity.value?.member;
  return html`<${Page} title=${t("place.trade")}>
    <${Balance} />
    <${Card}>
      <div class="row">
        <a class="button main" href=${href("trade", "pay")}>${t("action.pay")}</a>
        <a class="button" href=${href("trade", "invoice")}>${t("web.invoice")}</a>
        <a class="button" href=${href("trade", "stall")}>${t("web.stall")}</a>
        <a class="button" href=${href("trade", "month")}>${t("trading.month")}</a>
      </div>
    <//>
    <${Cases} />
    <${Card} title=${t("web.my_trades")}>
      <${Loaded} of=${trades}>
        ${({ items }) => html`<${List} items=${items} empty=${t("web.no_trades")}>
            ${(trade) => line(trade, own, chosen)}
          <//>
          <${More} of=${trades} />`}
      <//>
    <//>
  <//>`;
}

/** A trade in the list: with whom, plus or minus how much, how far it is. */
function line(trade, own, chosen) {
  const sign = trade.payee.id === own ? "+" : "−";
  const waits = trade.next_steps.some((step) => ANSWERS.includes(step));
  const troubled = waits || trade.doubt_text || trade.alert_texts.length > 0;
  return html`<li key=${trade.id}>
    <a
      class="entry"
      href=${href("trade", trade.id)}
      aria-current=${trade.id === chosen ? "page" : null}
    >
      <p class="row between">
        <bdi class="strong">${clean(trade.partner.name)}</bdi>
        <span class="amount">${sign}${clean(trade.amount_text)}</span>
      </p>
      ${trade.for && html`<p><bdi>${clean(trade.for)}</bdi></p>`}
      <p class=${troubled ? "attention" : "soft"}>
        ${trade.state_text} · <${Time} iso=${trade.time} />
      </p>
    </a>
  </li>`;
}

// Trade: the balance and own trades; beside them one trade, a new one, the stall or a month.

import { Split } from "../../base/parts.js";
import { html } from "../../base/ui.js";
import { Month } from "./month.js";
import { NewTrade } from "./new.js";
import { Overview } from "./overview.js";
import { Stall } from "./stall.js";
import { TradePage } from "./detail.js";

/**
 * The pages of Trade: `#/trade/pay/MEMBER/AMOUNT`, `…/invoice/MEMBER`, `…/stall`,
 * `…/month/YYYY-MM`, `#/trade/TRADE`.
 */
export default function Trade({ path }) {
  return html`<${Split} list=${html`<${Overview} chosen=${path[0]} />`} detail=${detail(path)} />`;
}

function detail([first, second, third]) {
  switch (first) {
    case undefined:
      return null;
    case "pay":
    case "invoice":
      return html`<${NewTrade}
        key=${first + second}
        direction=${first}
        partner=${second}
        amount=${third}
      />`;
    case "stall":
      return html`<${Stall} />`;
    case "month":
      return html`<${Month} month=${second} />`;
    default:
      return html`<${TradePage} key=${first} id=${first} />`;
  }
}

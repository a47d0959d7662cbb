// Trade: the balance with its sentence, paying and invoicing, own trades and their next steps.

import { Card, List, Loaded, More, Page } from "../../base/parts.js";
import { usePages } from "../../base/store.js";
import { html, useSignal } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { Balance } from "./balance.js";
import { Cases } from "./cases.js";
import { NewTrade } from "./new.js";
import { Stall } from "./stall.js";
import { Statement } from "./statement.js";
import { TradeLine } from "./line.js";

/** Everything about trading on one page. */
export default function Trade() {
  const trades = usePages("/trades");
  const note = useSignal(null); // of the stall, as POST …/note answers
  return html`<${Page} title=${t("place.trade")}>
    <${Balance} />
    <${Cases} />
    <${NewTrade} />
    <${Stall} note=${note} />
    <${Card} title=${t("web.my_trades")}>
      <${Loaded} of=${trades}>
        ${({ items }) => html`<${List} items=${items} empty=${t("web.no_trades")}>
            ${(trade) => html`<${TradeLine} key=${trade.id} trade=${trade} note=${note} />`}
          <//>
          <${More} of=${trades} />`}
      <//>
    <//>
    <${Statement} />
  <//>`;
}

// One own trade: who, how much, how far it is, and what may be done now.

import { post } from "../../base/api.js";
import { ask } from "../../base/dialog.js";
import { Select } from "../../base/forms.js";
import { amount, clean } from "../../base/format.js";
import { attempt, say } from "../../base/notices.js";
import { Button, Time, Written, printed } from "../../base/parts.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { AskForHelp } from "./cases.js";
import { noteOf } from "./stall.js";

const BINDING = ["accepted", "settled", "secured"]; // somebody may ask for help
const AGREED = ["settled", "secured"];
const OFF = ["declined", "released"];
const STARS = [5, 4, 3, 2, 1];

/** A line of the own trades; `note` is the signal that the stall shows. */
export function TradeLine({ trade, note }) {
  const sides = { payer: clean(trade.payer.name), payee: clean(trade.payee.name) };
  return html`<li>
    <p>${t("trade.from_to", sides)}</p>
    <p class="amount">${clean(trade.amount_text)}</p>
    ${trade.for && html`<${Written} text=${trade.for} />`}
    <${State} trade=${trade} />
    <div class="row">
      <${Steps} trade=${trade} note=${note} />
      ${AGREED.includes(trade.state) && html`<${Printing} trade=${trade} />`}
    </div>
    ${trade.next_steps.includes("rate") && html`<${Rating} trade=${trade} />`}
    ${BINDING.includes(trade.state) && html`<${AskForHelp} trade=${trade} />`}
  </li>`;
}

function State({ trade }) {
  const given = `${amount(trade.given_back, trade.decimals)} / ${clean(trade.amount_text)}`;
  return html`<p class="soft">${trade.state_text} · <${Time} iso=${trade.time} /></p>
    ${trade.given_back > 0 && html`<p class="soft">${t("refund.given", { amount: given })}</p>`}
    ${trade.doubt_text && html`<p class="attention">${trade.doubt_text}</p>`}
    <p class=${mustWait(trade) ? "attention" : "soft"}>${trade.goods_text}</p>
    ${trade.confirmations_text && html`<p class="soft">${trade.confirmations_text}</p>`}
    <details class="soft">
      <summary>${trade.level}: ${trade.level_text}</summary>
      ${trade.level_means}
    </details>
    ${trade.alert_texts.map((text) => html`<p class="attention" key=${text}>${text}</p>`)}`;
}

/** Paid, and still the seller must not hand over. */
function mustWait(trade) {
  return trade.goods === "wait" && trade.state === "settled";
}

function Steps({ trade, note }) {
  const take = (step) => async () => {
    if (!(await ask({ title: t(`web.sure_${step}`), yes: t(`action.${step}`) }))) return;
    await post(`/trades/${trade.id}/${step}`);
  };
  const steps = trade.next_steps.filter((step) => step !== "rate");
  return html`${steps.map(
    (step) => html`<${Button} key=${step} work=${take(step)}>${t(`action.${step}`)}<//>`
  )}
  ${!OFF.includes(trade.state) &&
  html`<${Button} work=${() => noteOf(trade, note)}>${t("web.stall_show")}<//>`}`;
}

function Printing({ trade }) {
  const wanted = { format: "html", order: trade.for !== null };
  return html`<${Button} work=${() => printed(`/receipts/${trade.id}`, wanted)}>
    ${t("web.print_receipt")}
  <//>`;
}

function Rating({ trade }) {
  const stars = STARS.map((count) => [String(count), "★".repeat(count)]);
  const rate = async (chosen) => {
    if (!chosen) return;
    const body = { stars: Number(chosen) };
    if (await attempt(() => post(`/trades/${trade.id}/rate`, body))) say(t("web.rated"));
  };
  return html`<${Select}
    label=${t("web.rate")}
    name=${`stars-${trade.id}`}
    options=${[["", "–"], ...stars]}
    onChange=${rate}
  />`;
}

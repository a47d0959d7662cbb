// One own trade: who, how much, how far it is, how sure, and what may be done now.

import { post } from "../../base/api.js";
import { ask, show } from "../../base/dialog.js";
import { Field, Form, Misfit, Select, Submit } from "../../base/forms.js";
import { amount, clean, money, units } from "../../base/format.js";
import { attempt, say } from "../../base/notices.js";
import { Button, Card, Loaded, Name, Page, Time, Written, printed } from "../../base/parts.js";
import { go, href } from "../../base/router.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { AskForHelp } from "./cases.js";
import { noteOf } from "./stall.js";

const BINDING = ["accepted", "settled", "secured"]; // somebody may ask for help
const AGREED = ["settled", "secured"];
const OFF = ["declined", "released"];
const FIRST = ["accept", "settle"]; // what the other side waits for
const STARS = [5, 4, 3, 2, 1];

/** The page of a trade. */
export function TradePage({ id }) {
  const trade = useData(`/trades/${id}`);
  const title = t("trading.one");
  return html`<${Page} title=${title} back=${href("trade")} backText=${t("place.trade")}>
    <${Loaded} of=${trade}>${(value) => html`<${Parts} trade=${value} />`}<//>
  <//>`;
}

function Parts({ trade }) {
  const sides = { payer: clean(trade.payer.name), payee: clean(trade.payee.name) };
  return html`<${Card} class="receipt">
      <p>${t("trade.from_to", sides)}</p>
      <p class="big">${clean(trade.amount_text)}</p>
      ${trade.for && html`<${Written} text=${trade.for} />`}
      <${State} trade=${trade} />
      <${Steps} trade=${trade} />
    <//>
    ${trade.next_steps.includes("rate") && html`<${Card}><${Rating} trade=${trade} /><//>`}
    <${Card} title=${t("trading.so_far")}>
      <ol class="list-plain">
        ${trade.steps.map(
          (step) => html`<li key=${step.id} class="soft">
            ${t(`trading.step_${step.kind.replace(".", "_")}`)} ·${" "}
            <${Name} who=${step.author} /> · <${Time} iso=${step.time} />
          </li>`
        )}
      </ol>
    <//>
    ${BINDING.includes(trade.state) && html`<${Card}><${AskForHelp} trade=${trade} /><//>`}`;
}

function State({ trade }) {
  return html`<p>${trade.state_text} · <${Time} iso=${trade.time} /></p>
    ${trade.refund_texts.map((text) => html`<p class="soft" key=${text}>${text}</p>`)}
    ${trade.doubt_text && html`<p class="attention">${trade.doubt_text}</p>`}
    <p class=${mustWait(trade) ? "attention" : "soft"}>${trade.goods_text}</p>
    ${trade.confirmations_text && html`<p class="soft">${trade.confirmations_text}</p>`}
    <details class="soft">
      <summary>${trade.level}: ${trade.level_text}</summary>
      <p>${trade.level_means}</p>
    </details>
    ${trade.alert_texts.map((text) => html`<p class="attention" key=${text}>${text}</p>`)}`;
}

/** Paid, and still the seller must not hand over. */
function mustWait(trade) {
  return trade.goods === "wait" && trade.state === "settled";
}

function Steps({ trade }) {
  const take = (step) => async () => {
    if (!(await ask({ title: t(`web.sure_${step}`), yes: t(`action.${step}`) }))) return;
    await post(`/trades/${trade.id}/${step}`);
  };
  const doing = (step) => (step === "refund" ? () => giveBack(trade) : take(step));
  const steps = trade.next_steps.filter((step) => step !== "rate");
  const code = async () => {
    await noteOf(trade);
    go("trade", ["stall"]);
  };
  const print = () =>
    printed(`/receipts/${trade.id}`, { format: "html", order: trade.for !== null });
  return html`<div class="row">
    ${steps.map(
      (step) => html`<${Button}
        key=${step}
        class=${FIRST.includes(step) ? "main" : null}
        work=${doing(step)}
      >
        ${t(`action.${step}`)}
      <//>`
    )}
    ${!OFF.includes(trade.state) && html`<${Button} work=${code}>${t("web.stall_show")}<//>`}
    ${AGREED.includes(trade.state) &&
    html`<${Button} work=${print}>${t("web.print_receipt")}<//>`}
  </div>`;
}

/** Asks how much goes back; all that is left stands there first. */
function giveBack(trade) {
  const { id, left, decimals, unit } = trade;
  const unitName = clean(trade.amount_text).split(" ").slice(1).join(" ") || unit;
  return show(t("trading.give_back"), (close) => {
    const send = async (values) => {
      const found = units(values.amount, decimals);
      if (found === null || found > left) {
        throw new Misfit({ amount: t("trading.at_most", { most: amount(left, decimals) }) });
      }
      await post(`/trades/${id}/refund`, { amount: found });
      close();
      say(t("trading.given_back", { amount: money(found, decimals, unitName) }));
    };
    return html`<p>${t("trading.give_back_means", { name: clean(trade.partner.name) })}</p>
      <${Form} send=${send} keeps>
        <${Field}
          label=${`${t("web.amount")} (${unitName})`}
          name="amount"
          value=${amount(left, decimals).replace(/[^\d.]/g, "")}
          inputmode="decimal"
          autocomplete="off"
        />
        <${Submit}>${t("action.refund")}<//>
      <//>`;
  });
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

// Paying somebody, or sending an invoice: the amount large, what is left afterwards, one button.

import { post } from "../../base/api.js";
import { ask } from "../../base/dialog.js";
import { Field, Form, Misfit, Select, Submit, amountMisfit } from "../../base/forms.js";
import { clean, money, units } from "../../base/format.js";
import { say } from "../../base/notices.js";
import { Card, Empty, Loaded, Page } from "../../base/parts.js";
import { go, href } from "../../base/router.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

/**
 * The page that proposes a trade; `direction` is `pay` or `invoice`, `partner` and `amount` may be
 * known.
 */
export function NewTrade({ direction, partner, amount }) {
  const balance = useData("/balance");
  const identity = useData("/identity");
  const members = useData("/members", { limit: 200 });
  const title = t(direction === "pay" ? "action.pay" : "web.invoice");
  return html`<${Page} title=${title} back=${href("trade")} backText=${t("place.trade")}>
    <${Card}>
      <${Loaded} of=${members}>
        ${({ items }) => {
          if (!balance.value || !identity.value) return null;
          const people = partners(items, identity.value.member);
          if (!people.length) return html`<${Nobody} />`;
          const given = { direction, partner, amount, people, mine: balance.value };
          return html`<${Proposing} ...${given} />`;
        }}
      <//>
    <//>
  <//>`;
}

function Nobody() {
  return html`<${Empty} text=${t("web.no_partners")}>
    <a class="button" href=${href("community")}>${t("web.bring_somebody")}</a>
  <//>`;
}

/** [id, name] of everybody one can trade with: members of the own chapter. */
function partners(members, own) {
  return members
    .filter((one) => one.id !== own && one.membership !== "applicant")
    .map((one) => [one.id, `${clean(one.name)} (${one.id.slice(0, 8)})`]);
}

function Proposing({ direction, partner: known, amount: asked, people, mine }) {
  const shown = (found) => money(found, mine.decimals, mine.unit_name);
  const send = async (values) => {
    const { partner } = values;
    const found = units(values.amount, mine.decimals);
    if (found === null) throw amountMisfit("amount", mine.decimals);
    const name = people.find(([id]) => id === partner)?.[1];
    if (!name) throw new Misfit({ partner: t("web.partner") });
    const pays = direction === "pay";
    const title = t(pays ? "web.sure_pay" : "web.sure_invoice", { name, amount: shown(found) });
    const text = pays && mine.spendable !== null
      ? t("trade.after", { amount: shown(mine.spendable - found) })
      : null;
    if (!(await ask({ title, text, yes: t(pays ? "action.pay" : "web.invoice") }))) return;
    const made = await post("/trades", { direction, partner, amount: found, for: values.for });
    say(t(pays ? "trading.paid" : "trading.invoiced", { name, amount: shown(found) }));
    go("trade", [made.id], { replace: true });
  };
  const label = `${t("web.amount")} (${clean(mine.unit_name)})`;
  return html`${direction === "pay" &&
    mine.spendable !== null &&
    html`<p>${t("balance.spendable", { amount: shown(mine.spendable) })}</p>`}
    <${Form} send=${send} keeps>
      <${Select} label=${t("web.partner")} name="partner" value=${known} options=${people} />
      <${Field}
        label=${label}
        name="amount"
        value=${asked}
        class="big"
        inputmode="decimal"
        autocomplete="off"
      />
      <${Field} label=${t("web.for")} name="for" maxlength="500" />
      <${Submit}>${t(direction === "pay" ? "action.pay" : "web.invoice")}<//>
    <//>`;
}

// Paying somebody, or sending an invoice.

import { post } from "../../base/api.js";
import { ask } from "../../base/dialog.js";
import { Field, Form, Misfit, Select, Submit, amountMisfit } from "../../base/forms.js";
import { clean, money, units } from "../../base/format.js";
import { Card, Loaded } from "../../base/parts.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

/** The card that proposes a trade. */
export function NewTrade() {
  const community = useData("/community");
  const identity = useData("/identity");
  const members = useData("/members", { limit: 200 });
  return html`<${Card} title=${t("web.new_trade")}>
    <${Loaded} of=${members}>
      ${({ items }) => {
        if (!community.value || !identity.value) return null;
        const people = partners(items, identity.value.member);
        if (!people.length) return html`<p>${t("web.no_partners")}</p>`;
        return html`<${Proposing} people=${people} unit=${community.value} />`;
      }}
    <//>
  <//>`;
}

/** [id, name] of everybody one can trade with: members of the own chapter. */
function partners(members, own) {
  return members
    .filter((one) => one.id !== own && one.membership !== "applicant")
    .map((one) => [one.id, `${clean(one.name)} (${one.id.slice(0, 8)})`]);
}

function Proposing({ people, unit }) {
  const send = async (values, form) => {
    const { direction, partner } = values;
    const found = units(values.amount, unit.decimals);
    if (found === null) throw amountMisfit("amount", unit.decimals);
    const name = people.find(([id]) => id === partner)?.[1];
    if (!name) throw new Misfit({ partner: t("web.partner") });
    const amount = money(found, unit.decimals, unit.unit_name);
    const title = t(direction === "pay" ? "web.sure_pay" : "web.sure_invoice", { name, amount });
    const yes = t(direction === "pay" ? "action.pay" : "web.invoice");
    if (!(await ask({ title, yes }))) return;
    await post("/trades", { direction, partner, amount: found, for: values.for });
    form.reset();
  };
  const directions = [["pay", t("action.pay")], ["invoice", t("web.invoice")]];
  const amount = `${t("web.amount")} (${clean(unit.unit_name)})`;
  return html`<${Form} send=${send} keeps>
    <${Select} label=${t("web.direction")} name="direction" options=${directions} />
    <${Select} label=${t("web.partner")} name="partner" options=${people} />
    <${Field} label=${amount} name="amount" inputmode="decimal" autocomplete="off" />
    <${Field} label=${t("web.for")} name="for" maxlength="500" />
    <${Submit}>${t("action.send")}<//>
  <//>`;
}

// Cases: trades that went wrong. Where each stands, what was said, what this member may do now.

import { post } from "../../base/api.js";
import { ask } from "../../base/dialog.js";
import { Area, Field, Form, Select, Submit, amountMisfit } from "../../base/forms.js";
import { clean, units } from "../../base/format.js";
import { Button, Card, Loaded, Name, Time, Written } from "../../base/parts.js";
import { useData } from "../../base/store.js";
import { html, useSignal } from "../../base/ui.js";
import { t } from "../../base/words.js";

const BUTTONS = ["take", "leave", "close", "pay"]; // steps without a form
const PATHS = { leave: "take" };
const BODIES = { take: { takes: true }, leave: { takes: false } };

/** The card of this member's cases; nothing where there are none. */
export function Cases() {
  const cases = useData("/disputes");
  if (!cases.value?.items.length) return null;
  return html`<${Card} title=${t("web.cases")}>
    <ul class="list-plain">
      ${cases.value.items.map((one) => html`<${Case} key=${one.id} one=${one} />`)}
    </ul>
  <//>`;
}

/** A form that asks for help with a trade. */
export function AskForHelp({ trade }) {
  const send = ({ text }) => post("/disputes", { trade: trade.id, text });
  return html`<details>
    <summary>${t("web.ask_help")}</summary>
    <p class="soft">${t("dispute.you_say")}</p>
    <${Form} send=${send}>
      <${Area} label=${t("web.case_what")} name="text" maxlength="5000" />
      <${Submit}>${t("action.send")}<//>
    <//>
  </details>`;
}

function Case({ one }) {
  const names = Object.fromEntries(
    ["opener", "payer", "payee"].map((side) => [side, clean(one[side].name)])
  );
  const steps = one.next_steps;
  return html`<li>
    <p>${t("dispute.about", { ...names, amount: clean(one.amount_text) })}</p>
    <p class=${one.waits ? "attention" : "soft"}>${one.text}</p>
    ${one.next_texts.map((text) => html`<p class="soft" key=${text}>${text}</p>`)}
    <${Said} one=${one} />
    ${steps.includes("vote") && html`<${Voting} one=${one} />`}
    ${steps.includes("say") && html`<${Speaking} one=${one} />`}
    <div class="row">
      ${BUTTONS.filter((step) => steps.includes(step)).map(
        (step) => html`<${Step} key=${step} one=${one} step=${step} />`
      )}
    </div>
  </li>`;
}

function Said({ one }) {
  const open = useSignal(false);
  const toggled = (event) => (open.value = event.currentTarget.open);
  return html`<details onToggle=${toggled}>
    <summary>${t("web.case_said")}</summary>
    ${open.value && html`<${Parts} dispute=${one.id} />`}
  </details>`;
}

function Parts({ dispute }) {
  const found = useData(`/disputes/${dispute}`);
  return html`<${Loaded} of=${found}>
    ${({ said }) =>
      said.map(
        (part) => html`<div key=${part.id}>
          <p class="soft"><${Name} who=${part.author} /> · <${Time} iso=${part.time} /></p>
          <${Written} text=${part.text ?? t("dispute.sealed")} />
        </div>`
      )}
  <//>`;
}

function Speaking({ one }) {
  const send = ({ text }) => post(`/disputes/${one.id}/evidence`, { text });
  return html`<${Form} send=${send}>
    <${Area} label=${t("web.case_say")} name="text" maxlength="5000" />
    <${Submit}>${t("action.send")}<//>
  <//>`;
}

function Voting({ one }) {
  const sides = ["payer", "payee"].map((side) => [side, clean(one[side].name)]);
  const send = ({ to, amount }) => {
    const found = to === "nobody" ? 0 : units(amount, one.decimals);
    if (found === null) throw amountMisfit("amount", one.decimals);
    return post(`/disputes/${one.id}/vote`, { to, amount: found });
  };
  return html`<${Form} send=${send}>
    <${Select}
      label=${t("web.case_vote")}
      name="to"
      options=${[["nobody", t("dispute.to_nobody")], ...sides]}
    />
    <${Field} label=${t("web.amount")} name="amount" inputmode="decimal" />
    <${Submit}>${t("web.case_vote_now")}<//>
  <//>`;
}

function Step({ one, step }) {
  const work = async () => {
    if (!(await ask({ title: t(`web.sure_case_${step}`), yes: t(`web.case_${step}`) }))) return;
    await post(`/disputes/${one.id}/${PATHS[step] ?? step}`, BODIES[step]);
  };
  return html`<${Button} work=${work}>${t(`web.case_${step}`)}<//>`;
}

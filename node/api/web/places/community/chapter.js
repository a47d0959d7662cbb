// One chapter: what is said of its relays, who asks to come in, and its members.

import { post } from "../../base/api.js";
import { ask } from "../../base/dialog.js";
import { Area, Form, Submit } from "../../base/forms.js";
import { clean, money } from "../../base/format.js";
import { Button, Card, Loaded, More, Name, Time, Written } from "../../base/parts.js";
import { useData, usePages } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

/** The card of a chapter, as GET /community tells it; `unit` is how credit is called. */
export function ChapterCard({ chapter, unit }) {
  const path = `/chapters/${encodeURIComponent(chapter.name)}`;
  return html`<${Card} title=${clean(chapter.name)}>
    <p class="soft">${t(`membership.${chapter.membership}`)}</p>
    ${chapter.relay_texts.map((text) => html`<p class="soft" key=${text}>${text}</p>`)}
    ${chapter.convicted_texts.map((text) => html`<p class="attention" key=${text}>${text}</p>`)}
    ${chapter.membership === "none" && html`<${Applying} path=${path} />`}
    ${chapter.membership === "officer" && html`<${Requests} path=${path} />`}
    <${Members} chapter=${chapter.name} unit=${unit} />
  <//>`;
}

function Applying({ path }) {
  const send = ({ text }) => post(`${path}/apply`, { text });
  return html`<${Form} send=${send}>
    <${Area} label=${t("web.introduce")} name="text" maxlength="2000" />
    <${Submit}>${t("action.join")}<//>
  <//>`;
}

function Requests({ path }) {
  const requests = useData(`${path}/requests`);
  return html`<${Loaded} of=${requests}>
    ${({ items }) => html`<ul class="list-plain">
      ${items.map((one) => html`<${Applicant} key=${one.member.id} one=${one} path=${path} />`)}
    </ul>`}
  <//>`;
}

function Applicant({ one, path }) {
  const name = clean(one.member.name);
  const admit = async () => {
    if (!(await ask({ title: t("web.sure_admit", { name }), yes: t("web.admit") }))) return;
    await post(`${path}/admit`, { member: one.member.id });
  };
  return html`<li>
    <p>${t("web.wants_in", { name })} · <${Time} iso=${one.time} /></p>
    ${one.text && html`<${Written} text=${one.text} />`}
    <${Button} class="main" work=${admit}>${t("web.admit")}<//>
  </li>`;
}

function Members({ chapter, unit }) {
  const members = usePages("/members", { chapter });
  return html`<${Loaded} of=${members}>
    ${({ items }) => html`<ul class="list-plain">
        ${items.map((one) => html`<${Member} key=${one.id} one=${one} unit=${unit} />`)}
      </ul>
      <${More} of=${members} text=${t("web.more")} />`}
  <//>`;
}

function Member({ one, unit }) {
  const stars = one.stars === null ? "" : ` · ★ ${one.stars} (${one.ratings})`;
  const balance = money(one.balance, one.decimals, unit);
  return html`<li>
    <p><${Name} who=${one} id /></p>
    <p class="soft">${t(`membership.${one.membership}`)} · ${balance}${stars}</p>
    ${one.alert_texts.map((text) => html`<p class="attention" key=${text}>${text}</p>`)}
  </li>`;
}

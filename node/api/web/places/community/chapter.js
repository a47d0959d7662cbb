// One chapter: what is said of its relays, who asks to come in, and its members.

import { post } from "../../base/api.js";
import { ask } from "../../base/dialog.js";
import { Area, Form, Submit } from "../../base/forms.js";
import { clean, money } from "../../base/format.js";
import { Button, Card, Loaded, More, Name, Time, Written } from "../../base/parts.js";
import { say } from "../../base/notices.js";
import { href } from "../../base/router.js";
import { renew, useData, usePages } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

/** The card of a chapter, as GET /community tells it; `unit` is how credit is called. */
export function ChapterCard({ chapter, unit, chosen }) {
  const path = `/chapters/${encodeURIComponent(chapter.name)}`;
  return html`<${Card} title=${clean(chapter.name)}>
    <p class="soft">${t(`membership.${chapter.membership}`)}</p>
    <${Relays} chapter=${chapter} />
    ${chapter.membership === "none" && html`<${Applying} path=${path} />`}
    ${chapter.membership === "officer" &&
    html`<${Requests} path=${path} />
      <${Proposals} path=${path} />`}
    <p><a href=${href("community", "ties", chapter.name)}>${t("ties.title")}</a></p>
    <${Members} chapter=${chapter.name} unit=${unit} chosen=${chosen} />
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

/** What officers ask each other to agree to. */
function Proposals({ path }) {
  const proposals = useData(`${path}/proposals`);
  return html`<${Loaded} of=${proposals}>
    ${({ items }) => html`<ul class="list-plain">
      ${items.map((one) => html`<${Proposal} key=${one.id} one=${one} path=${path} />`)}
    </ul>`}
  <//>`;
}

function Proposal({ one, path }) {
  const agree = async () => {
    if (!(await ask({ title: one.text, yes: t("people.agree") }))) return;
    say((await post(`${path}/proposals/${one.id}/agree`)).text);
    renew(path);
  };
  const count = { given: one.officers.length, needed: one.needed };
  return html`<li>
    <p>${one.text}</p>
    <p class="soft">${t("people.agreed", count)} · <${Time} iso=${one.time} /></p>
    ${!one.mine && html`<${Button} class="main" work=${agree}>${t("people.agree")}<//>`}
  </li>`;
}

/** The health of a chapter's relays: three lights, each with its words. */
function Relays({ chapter }) {
  const balance = useData("/balance");
  const sound = chapter.convicted.length === 0;
  const waiting = balance.value?.unconfirmed ?? 0;
  const light = (good, texts) => html`<li class=${good ? "soft" : "attention"}>
    <span aria-hidden="true">${good ? "●" : "○"}</span> ${texts.join(" ")}
  </li>`;
  if (!chapter.relays) {
    return chapter.relay_texts.map((text) => html`<p class="soft" key=${text}>○ ${text}</p>`);
  }
  return html`<ul class="lights">
    ${light(true, chapter.relay_texts)}
    ${light(sound, sound ? [t("people.relays_sound")] : chapter.convicted_texts)}
    ${chapter.membership !== "none" &&
    light(
      !waiting,
      waiting
        ? [t("balance.unconfirmed", { count: waiting })]
        : [t("people.relays_confirm")]
    )}
  </ul>`;
}

function Members({ chapter, unit, chosen }) {
  const members = usePages("/members", { chapter });
  return html`<${Loaded} of=${members}>
    ${({ items }) => html`<ul class="list-plain">
        ${items.map((one) => {
          const given = { one, unit, chosen };
          return html`<${Member} key=${one.id} ...${given} />`;
        })}
      </ul>
      <${More} of=${members} text=${t("web.more")} />`}
  <//>`;
}

function Member({ one, unit, chosen }) {
  const stars = one.stars === null ? "" : ` · ★ ${one.stars} (${one.ratings})`;
  const balance = money(one.balance, one.decimals, unit);
  return html`<li>
    <a
      class="entry"
      href=${href("community", "member", one.id)}
      aria-current=${one.id === chosen ? "page" : null}
    >
      <p><${Name} who=${one} id /></p>
      <p class="soft">${t(`membership.${one.membership}`)} · ${balance}${stars}</p>
      ${one.alert_texts.map((text) => html`<p class="attention" key=${text}>${text}</p>`)}
    </a>
  </li>`;
}

// One member: what they say of themselves, what trades say of them, and what to do together.

import { post, remove } from "../../base/api.js";
import { Field, Form, Submit } from "../../base/forms.js";
import { clean, money } from "../../base/format.js";
import { say } from "../../base/notices.js";
import { Button, Card, List, Loaded, Name, Page, Time, Written } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { renew, useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

/** The page of a member. */
export function MemberPage({ id }) {
  const member = useData(`/members/${id}`);
  const identity = useData("/identity");
  const community = useData("/community");
  const title = member.value ? clean(member.value.name) : t("people.member");
  return html`<${Page} title=${title} back=${href("community")} backText=${t("place.community")}>
    <${Loaded} of=${member}>
      ${(one) => html`<${About}
          one=${one}
          own=${one.id === identity.value?.member}
          unit=${community.value?.unit_name ?? ""}
        />
        <${Said} one=${one} />
        ${one.id !== identity.value?.member && html`<${Calling} one=${one} member=${member} />`}`}
    <//>
  <//>`;
}

function About({ one, own, unit }) {
  const trades = !own && (one.membership === "member" || one.membership === "officer");
  return html`<${Card}>
    <p class="soft">
      ${t(`membership.${one.membership}`)} · <bdi>${clean(one.chapter)}</bdi>
      ${one.region && html` · <bdi>${clean(one.region)}</bdi>`} ·${" "}
      <span class="number">${one.id.slice(0, 8)}</span>
    </p>
    ${one.about && html`<${Written} text=${one.about} />`}
    ${one.alert_texts.map((text) => html`<p class="attention" key=${text}>${text}</p>`)}
    <p>${t("balance.book", { amount: money(one.balance, one.decimals, unit) })}</p>
    ${trades &&
    html`<div class="row">
      <a class="button main" href=${href("trade", "pay", one.id)}>${t("action.pay")}</a>
      <a class="button" href=${href("trade", "invoice", one.id)}>${t("web.invoice")}</a>
    </div>`}
  <//>`;
}

function Said({ one }) {
  return html`<${Card} title=${t("people.said")}>
    <p>${one.reputation.text}</p>
    ${one.said.length > 0 &&
    html`<${List} items=${one.said} empty="">
      ${(rating) => html`<li key=${rating.id}>
        <p>
          <span aria-label=${t("people.stars", { count: rating.stars })}>
            ${"★".repeat(rating.stars)}
          </span>
          ${" "}<${Name} who=${rating.author} /> · <${Time} iso=${rating.time} />
        </p>
        ${rating.text && html`<${Written} text=${rating.text} />`}
        ${rating.marks.map((text) => html`<p class="soft" key=${text}>${text}</p>`)}
      </li>`}
    <//>`}
  <//>`;
}

/** What this member calls them; it never leaves this computer. */
function Calling({ one, member }) {
  const keep = async ({ name, note }) => {
    await post("/contacts", { member: one.id, name, note });
    await done(t("web.saved"));
  };
  const forget = async () => {
    await remove(`/contacts/${one.id}`);
    await done(t("people.forgotten"));
  };
  const done = async (sentence) => {
    renew("/contacts");
    await member.load();
    say(sentence);
  };
  return html`<${Card} title=${t("people.calling")}>
    <p class="soft">${t("people.calling_means")}</p>
    <${Form} send=${keep} keeps>
      <${Field}
        label=${t("web.name")}
        name="name"
        value=${clean(one.contact ?? one.name)}
        maxlength="64"
      />
      <${Field} label=${t("people.note")} name="note" maxlength="200" />
      <div class="row">
        <${Submit}>${t("action.save")}<//>
        ${one.contact && html`<${Button} work=${forget}>${t("people.forget")}<//>`}
      </div>
    <//>
  <//>`;
}

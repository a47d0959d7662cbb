// Somebody new: their name, and where they belong.

import { post } from "../base/api.js";
import { Field, Form, Misfit, Submit } from "../base/forms.js";
import { Button, Page } from "../base/parts.js";
import { html } from "../base/ui.js";
import { language, t } from "../base/words.js";
import { BackTo } from "./back_to.js";

/** Make the member, and go on to their words. */
export async function make(facts, next, more = {}) {
  const made = await post("/setup/new", { name: facts.name, language: language.peek(), ...more });
  next("words", { made });
}

/** What neighbours shall call them. */
export function Name({ facts, next }) {
  const send = ({ name }) => {
    if (!name.trim()) throw new Misfit({ name: t("first_run.name_title") });
    next("where", { name: name.trim() });
  };
  return html`<${Page} title=${t("first_run.name_title")}>
    <${Form} send=${send} keeps>
      <${Field}
        label=${t("first_run.name")}
        hint=${t("first_run.name_hint")}
        name="name"
        value=${facts.name}
        maxlength="20"
        autocomplete="nickname"
      />
      <div class="row">
        <${Submit}>${t("first_run.look")}<//>
        <${BackTo} step="welcome" next=${next} />
      </div>
    <//>
  <//>`;
}

/** By invitation, with neighbours, or alone for now. */
export function Where({ facts, next }) {
  const way = (kind, key, press) => html`<div class="card">
    ${press(kind, t(`first_run.${key}`))}
    <p class="soft">${t(`first_run.${key}_hint`)}</p>
  </div>`;
  const leads = (step) => (kind, text) =>
    html`<button type="button" class=${kind} onClick=${() => next(step)}>${text}</button>`;
  const alone = (kind, text) =>
    html`<${Button} class=${kind} work=${() => make(facts, next)}>${text}<//>`;
  return html`<${Page} title=${t("first_run.where_title")}>
    ${way("main", "invited", leads("invitation"))} ${way("", "start", leads("community"))}
    ${way("", "alone", alone)}
    <${BackTo} step="name" next=${next} />
  <//>`;
}

/** A community to start: its name, and a word for its credit. */
export function NewCommunity({ facts, next }) {
  const send = async ({ name, unit }) => {
    if (!name.trim()) throw new Misfit({ name: t("first_run.community_hint") });
    if (!unit.trim()) throw new Misfit({ unit: t("first_run.unit_hint") });
    await make(facts, next, { community: { name: name.trim(), unit: unit.trim() } });
  };
  return html`<${Page} title=${t("first_run.community_title")}>
    <${Form} send=${send} keeps>
      <${Field}
        label=${t("first_run.community")}
        hint=${t("first_run.community_hint")}
        name="name"
        maxlength="20"
      />
      <${Field}
        label=${t("first_run.unit")}
        hint=${t("first_run.unit_hint")}
        name="unit"
        value=${t("word.credit")}
        maxlength="10"
      />
      <div class="row">
        <${Submit}>${t("first_run.begin")}<//>
        <${BackTo} step="where" next=${next} />
      </div>
    <//>
  <//>`;
}

// A phone on the same home network: opening the second door, and the code that lets one in.

import { post, put } from "../../base/api.js";
import { Field, Form, Select, Submit } from "../../base/forms.js";
import { Button, Card, Code, Copyable, Loaded, Page } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { renew, useData } from "../../base/store.js";
import { html, useSignal } from "../../base/ui.js";
import { t } from "../../base/words.js";

const RIGHTS = {
  read: ["read"],
  talk: ["read", "talk"],
  trade: ["read", "talk", "trade"],
};

/** The page of the home network. */
export function Phone() {
  const lan = useData("/lan");
  return html`<${Page} title=${t("me.phone")} back=${href("me")} backText=${t("place.me")}>
    <p>${t("me.phone_about")}</p>
    <${Loaded} of=${lan}>${(told) => html`<${Door} told=${told} />`}<//>
  <//>`;
}

function Door({ told }) {
  const turn = (on) => async () => {
    await put("/lan", { on });
    renew("/lan");
  };
  return html`<${Card}>
      <p role="status">${told.text}</p>
      ${told.on
        ? html`<${Button} work=${turn(false)}>${t("me.phone_close")}<//>`
        : html`<${Button} class="main" work=${turn(true)}>${t("me.phone_open")}<//>`}
    <//>
    ${told.state === "on" && html`<${LettingIn} />`}`;
}

function LettingIn() {
  const made = useSignal(null);
  const send = async ({ name, rights }) => {
    made.value = await post("/lan/pairings", { name: name.trim(), scopes: RIGHTS[rights] });
  };
  const rights = Object.keys(RIGHTS).map((one) => [one, t(`me.phone_${one}`)]);
  return html`<${Card} title=${t("me.phone_add")}>
    ${made.value
      ? html`<${Shown} made=${made.value} />`
      : html`<${Form} send=${send}>
          <${Field} label=${t("me.phone_name")} name="name" value=${t("me.phone_word")} />
          <${Select} label=${t("me.phone_rights")} name="rights" value="trade" options=${rights} />
          <${Submit}>${t("me.phone_code")}<//>
        <//>`}
  <//>`;
}

function Shown({ made }) {
  return html`<p>${t("me.phone_scan")}</p>
    <${Code} code=${made.qr} label=${t("me.phone_scan")} />
    <p>${t("me.phone_warning")}</p>
    <p class="link number">${made.certificate.fingerprint}</p>
    <${Copyable} text=${made.link} />`;
}

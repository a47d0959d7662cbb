// The devices that speak for this member: adding one, shutting one out, a new key for this one.

import { post } from "../../base/api.js";
import { ask } from "../../base/dialog.js";
import { Check, Form, Submit } from "../../base/forms.js";
import { say } from "../../base/notices.js";
import { Button, Card, Copyable, Loaded, Page } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { renew, useData } from "../../base/store.js";
import { html, useSignal } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { Late, OwnPassword } from "./late.js";
import { TypedWords, needWords } from "./typed_words.js";

/** The page of devices. */
export function Devices() {
  const devices = useData("/devices");
  return html`<${Page} title=${t("web.devices")} back=${href("me")} backText=${t("place.me")}>
    <${Loaded} of=${devices}>
      ${({ items }) => items.map((one) => html`<${Device} key=${one.device} one=${one} />`)}
    <//>
    <${Adding} />
    <${Renewing} />
  <//>`;
}

function Device({ one }) {
  const rights = one.scopes.map((scope) => t(`device.may_${scope}`)).join(", ");
  return html`<${Card}>
    <p class="strong">${t(state(one))}</p>
    <p class="soft"><span class="number">${one.device.slice(0, 8)}</span> · ${rights}</p>
    ${one.late && html`<${Late} one=${one} />`}
    ${!one.this && !one.revoked && html`<${ShuttingOut} one=${one} />`}
  <//>`;
}

function state(one) {
  if (one.this) return one.revoked ? "me.this_shut_out" : "web.this_device";
  return one.revoked ? "web.shut_out" : "web.other_device";
}

function ShuttingOut({ one }) {
  const send = async ({ words, open }) => {
    needWords({ words });
    const wish = { title: t("me.sure_shut_out"), yes: t("me.shut_out"), grave: true };
    if (!(await ask(wish))) return;
    await post("/devices/revoke", { device: one.device, words, open: open !== undefined });
    say(t("me.was_shut_out"));
    renew("/devices");
  };
  return html`<details>
    <summary>${t("me.shut_out")}</summary>
    <p>${t("me.shut_out_about")}</p>
    <${Form} send=${send}>
      <${Check} name="open" label=${t("me.shut_out_open")} />
      <${TypedWords} />
      <${Submit}>${t("me.shut_out")}<//>
    <//>
  </details>`;
}

function Adding() {
  const link = useSignal(null);
  const make = async () => (link.value = (await post("/community/invitations", {})).link);
  return html`<${Card} title=${t("me.add_device")}>
    <p>${t("me.add_device_about")}</p>
    ${link.value === null
      ? html`<${Button} work=${make}>${t("me.add_device_link")}<//>`
      : html`<${Copyable} text=${link.value} />`}
  <//>`;
}

function Renewing() {
  const send = async ({ words, password, both }) => {
    needWords({ words });
    const wish = { title: t("me.sure_renew"), text: t("me.renew_about"), yes: t("me.renew") };
    if (!(await ask(wish))) return;
    const body = { words, password: password || null, both: both !== undefined };
    await post("/devices/renew", body);
    say(t("me.renewed"));
    renew("/devices");
  };
  return html`<${Card}>
    <details>
      <summary>${t("me.renew")}</summary>
      <p>${t("me.renew_about")}</p>
      <${Form} send=${send}>
        <${Check} name="both" label=${t("me.renew_both")} />
        <${TypedWords} />
        <${OwnPassword} />
        <${Submit}>${t("me.renew")}<//>
      <//>
    </details>
  <//>`;
}

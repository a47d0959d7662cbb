// The devices that speak for this member.

import { Card, List, Loaded } from "../../base/parts.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

/** The card of devices. */
export function Devices() {
  const devices = useData("/devices");
  return html`<${Card} title=${t("web.devices")}>
    <${Loaded} of=${devices}>
      ${({ items }) => html`<${List} items=${items} empty=${t("web.nothing")}>
        ${(one) => html`<li key=${one.device}>
          <p><span class="number">${one.device.slice(0, 8)}</span> · ${t(state(one))}</p>
          ${one.late && html`<p class="attention">${one.late.text}</p>`}
        </li>`}
      <//>`}
    <//>
  <//>`;
}

function state(one) {
  if (one.this) return "web.this_device";
  return one.revoked ? "web.shut_out" : "web.other_device";
}

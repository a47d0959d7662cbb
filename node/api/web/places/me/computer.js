// How this computer is: what waits, neighbours, where the data lies, room on the disk.

import { forget, keeps } from "../../base/api.js";
import { number } from "../../base/format.js";
import { Card, Loaded, Page } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { said } from "../../shell/waiting.js";

const MEGABYTE = 1000000;

/** The page of this computer. */
export function Computer() {
  const status = useData("/status");
  return html`<${Page} title=${t("me.computer")} back=${href("me")} backText=${t("place.me")}>
    <${Loaded} of=${status}>${facts}<//>
  <//>`;
}

function facts({ next, sync, records, home, disk, version }) {
  const megabytes = (bytes) => `${number(Math.round(bytes / MEGABYTE))} MB`;
  return html`<${Card}>
      ${next.map(
        (hint) => html`<p class="attention" key=${hint.code + hint.text}>${said(hint)}</p>`
      )}
      <p>${sync.text}</p>
      ${disk.problem && html`<p class="attention">${disk.problem}</p>`}
    <//>
    <${Card}>
      <dl class="facts">
        <dt>${t("me.records")}</dt>
        <dd class="number">${number(records)}</dd>
        <dt>${t("me.used")}</dt>
        <dd class="number">${megabytes(disk.used_bytes)}</dd>
        <dt>${t("me.free")}</dt>
        <dd class="number">${megabytes(disk.free_bytes)}</dd>
        <dt>${t("me.home")}</dt>
        <dd class="link">${home}</dd>
        <dt>${t("me.version")}</dt>
        <dd>${version}</dd>
      </dl>
      ${keeps() && html`<button type="button" onClick=${forget}>${t("pair.forget")}</button>`}
    <//>`;
}

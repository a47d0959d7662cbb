// How this computer is: what waits, neighbours, where the data lies, room on the disk.

import { number } from "../../base/format.js";
import { Card, Loaded } from "../../base/parts.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

const MEGABYTE = 1000000;

/** The card of this computer. */
export function Computer() {
  const status = useData("/status");
  return html`<${Card}>
    <${Loaded} of=${status}>
      ${(told) => html`${told.next.map(
          ({ code, text }) => html`<p class="attention" key=${code + text}>${text}</p>`
        )}
        <p>${told.sync.text}</p>
        <p class="soft">${t("status.home", { path: told.home })}</p>
        <p class="soft">
          ${t("web.free_space", { megabytes: number(Math.round(told.disk.free_bytes / MEGABYTE)) })}
        </p>
        <p class="soft">WeTalk ${told.version}</p>`}
    <//>
  <//>`;
}

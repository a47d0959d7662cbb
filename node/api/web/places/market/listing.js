// One thing that is offered or asked for.

import { put, remove } from "../../base/api.js";
import { ask } from "../../base/dialog.js";
import { clean } from "../../base/format.js";
import { Button, Name, Time, Written } from "../../base/parts.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { priceText } from "./price.js";

/** A line of the market; `found` is the list it stands in, `unit` the community's own. */
export function Listing({ item, unit, found }) {
  const other = item.state === "paused" ? "active" : "paused";
  const pause = async () => {
    await put(`/listings/${item.id}`, { state: other });
    await found.load();
  };
  const close = async () => {
    const title = t("web.sure_close");
    if (!(await ask({ title, yes: t("web.close_listing"), grave: true }))) return;
    await remove(`/listings/${item.id}`);
    await found.load();
  };
  return html`<li>
    <p class="strong" lang=${item.language}><bdi>${clean(item.title)}</bdi></p>
    <p class="amount">${priceText(item.price, unit)}</p>
    <p class="soft">
      ${t(`listing.${item.kind}`)} · <${Name} who=${item.author} />
      ${item.region && html` · <bdi>${clean(item.region)}</bdi>`}
      ${item.state !== "active" && ` · ${t(`listing.${item.state}`)}`}
      ${" · "}<${Time} iso=${item.time} />
    </p>
    ${item.text && html`<${Written} text=${item.text} lang=${item.language} />`}
    ${item.mine &&
    html`<div class="row">
      <${Button} work=${pause}>${t(`web.make_${other}`)}<//>
      <${Button} work=${close}>${t("web.close_listing")}<//>
    </div>`}
  </li>`;
}

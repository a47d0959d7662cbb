// One thing that is offered or asked for: its pictures, its words, and what to do about it.

import { put, remove } from "../../base/api.js";
import { ask } from "../../base/dialog.js";
import { amount, clean } from "../../base/format.js";
import { Button, Card, Loaded, Name, Page, Time, Written } from "../../base/parts.js";
import { go, href } from "../../base/router.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { Photo } from "./photo.js";
import { priceText } from "./price.js";

const ROOM_MAX_CHARACTERS = 32;
const MARK_CHARACTERS = 4; // of the listing's number: two kimchis have two rooms

/** The page of a listing. */
export function ListingPage({ id }) {
  const found = useData(`/listings/${id}`);
  const community = useData("/community");
  const title = found.value ? clean(found.value.title) : t("place.market");
  return html`<${Page} title=${title} back=${href("market")} backText=${t("place.market")}>
    <${Loaded} of=${found}>
      ${(item) => html`<${Card}>
        ${item.pictures.map(
          ({ large, text }) =>
            html`<${Photo} key=${large.id} file=${large} alt=${clean(text || item.title)} />`
        )}
        <p class="big">${priceText(item.price, community.value)}</p>
        <p class="soft">
          ${t(`listing.${item.kind}`)} · <a href=${href("community", "member", item.author.id)}>
            <${Name} who=${item.author} /></a
          >
          ${item.region && html` · <bdi>${clean(item.region)}</bdi>`}
          ${item.state !== "active" && ` · ${t(`listing.${item.state}`)}`} ·${" "}
          <${Time} iso=${item.time} />
        </p>
        ${item.text && html`<${Written} text=${item.text} lang=${item.language} />`}
        ${item.mine
          ? html`<${Own} item=${item} found=${found} />`
          : html`<${Theirs} item=${item} />`}
      <//>`}
    <//>
  <//>`;
}

/** The room where a listing is talked about: its title, cut, and the start of its number. */
export function roomOf({ id, title }) {
  const mark = ` ${id.slice(0, MARK_CHARACTERS)}`;
  return [...clean(title)].slice(0, ROOM_MAX_CHARACTERS - mark.length).join("").trim() + mark;
}

function Theirs({ item }) {
  const { price, author, kind } = item;
  const priced = price.form === "amount" && price.unit === "credit";
  const terms = priced ? [amount(price.amount, price.decimals).replace(/[^\d.]/g, "")] : [];
  const trade = kind === "want" ? "invoice" : "pay";
  return html`<div class="row">
      <a class="button main" href=${href("talk", roomOf(item))}>${t("browse.ask")}</a>
      <a class="button" href=${href("trade", trade, author.id, ...terms)}>
        ${t(trade === "pay" ? "action.pay" : "web.invoice")}
      </a>
    </div>
    <p class="soft">${t("browse.ask_means")}</p>`;
}

function Own({ item, found }) {
  const other = item.state === "paused" ? "active" : "paused";
  const pause = async () => {
    await put(`/listings/${item.id}`, { state: other });
    await found.load();
  };
  const close = async () => {
    const title = t("web.sure_close");
    if (!(await ask({ title, yes: t("web.close_listing"), grave: true }))) return;
    await remove(`/listings/${item.id}`);
    go("market", [], { replace: true });
  };
  return html`<div class="row">
    <a class="button main" href=${href("market", item.id, "change")}>${t("action.edit")}</a>
    <${Button} work=${pause}>${t(`web.make_${other}`)}<//>
    <${Button} work=${close}>${t("web.close_listing")}<//>
    <a class="button" href=${href("talk", roomOf(item))}>${t("browse.asked")}</a>
  </div>`;
}

// What is offered and asked for: a form to search with, and what was found, with pictures.

import { Field, Form, Select, Submit, amountMisfit } from "../../base/forms.js";
import { clean, units } from "../../base/format.js";
import { Card, List, Loaded, More, Name, Page, Time } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { useData, usePages } from "../../base/store.js";
import { html, signal } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { Photo } from "./photo.js";
import { priceText } from "./price.js";

const KINDS = ["goods", "service", "loan", "share", "gift", "want"];

const wish = signal({}); // what is being looked for, kept while other places are visited

/** [value, word] of all kinds of listings. */
export function kinds() {
  return KINDS.map((kind) => [kind, t(`listing.${kind}`)]);
}

/** The page that Market begins with; `chosen` is the listing that is open beside it. */
export function Browse({ chosen }) {
  const community = useData("/community");
  return html`<${Page} title=${t("place.market")}>
    <p><a class="button main" href=${href("market", "new")}>${t("web.new_listing")}</a></p>
    <${Card}><${Wishing} decimals=${community.value?.decimals ?? 0} /><//>
    <${Card}><${Found} unit=${community.value} chosen=${chosen} /><//>
  <//>`;
}

function Wishing({ decimals }) {
  const search = (values) => {
    const most = values.most.trim() ? units(values.most, decimals) : null;
    if (values.most.trim() && most === null) throw amountMisfit("most", decimals);
    const { words, kind, region } = values;
    wish.value = { words: words.trim(), kind, region: region.trim(), max_price: most };
  };
  const { words, kind, region } = wish.peek();
  return html`<${Form} send=${search} keeps>
    <${Field}
      label=${t("web.search_for")}
      name="words"
      type="search"
      value=${words}
      maxlength="80"
    />
    <details>
      <summary>${t("browse.narrow")}</summary>
      <${Select}
        label=${t("web.kind")}
        name="kind"
        value=${kind ?? ""}
        options=${[["", t("web.all")], ...kinds()]}
      />
      <${Field}
        label=${t("web.region")}
        name="region"
        value=${region}
        maxlength="20"
        placeholder="KR-11"
      />
      <${Field}
        label=${t("browse.at_most")}
        hint=${t("browse.at_most_means")}
        name="most"
        inputmode="decimal"
        autocomplete="off"
      />
    </details>
    <${Submit}>${t("action.search")}<//>
  <//>`;
}

/** Without words everything is browsed, newest first; a highest price belongs to a search. */
function Found({ unit, chosen }) {
  const { words, kind, region, max_price } = wish.value;
  const found = words
    ? usePages("/search", { words, kind, region, max_price })
    : usePages("/listings", { kind, region });
  const cheap = ({ price: { form, amount } }) =>
    max_price == null || form === "free" || (form === "amount" && amount <= max_price);
  return html`<${Loaded} of=${found}>
    ${({ items }) => html`<${List}
        items=${listings(items).filter(cheap)}
        empty=${t("web.nothing")}
        label=${t("place.market")}
      >
        ${(item) => line(item, unit, chosen)}
      <//>
      <${More} of=${found} text=${t("web.more")} />`}
  <//>`;
}

/** Listings, or the listings among what a search found. */
function listings(items) {
  return items.map((one) => ("listing" in one ? one.listing : one)).filter((one) => one?.id);
}

function line(item, unit, chosen) {
  const [picture] = item.pictures;
  return html`<li key=${item.id}>
    <a
      class="entry with-photo"
      href=${href("market", item.id)}
      aria-current=${item.id === chosen ? "page" : null}
    >
      ${picture && html`<${Photo} file=${picture.small} alt="" />`}
      <div>
        <p class="strong" lang=${item.language}><bdi>${clean(item.title)}</bdi></p>
        <p class="amount">${priceText(item.price, unit)}</p>
        <p class="soft">
          ${t(`listing.${item.kind}`)} · <${Name} who=${item.author} />
          ${item.region && html` · <bdi>${clean(item.region)}</bdi>`}
          ${item.state !== "active" && ` · ${t(`listing.${item.state}`)}`} ·${" "}
          <${Time} iso=${item.time} />
        </p>
      </div>
    </a>
  </li>`;
}

// Market: browse, search, offer and ask.

import { Area, Field, Form, Select, Submit, amountMisfit } from "../../base/forms.js";
import { clean } from "../../base/format.js";
import { post } from "../../base/api.js";
import { Card, List, Loaded, Page } from "../../base/parts.js";
import { useData } from "../../base/store.js";
import { html, useSignal } from "../../base/ui.js";
import { language, t } from "../../base/words.js";
import { Listing } from "./listing.js";
import { priceOf } from "./price.js";

const KINDS = ["goods", "service", "loan", "share", "gift", "want"];

/** What is offered and asked for; a form to add to it. */
export default function Market() {
  const community = useData("/community");
  return html`<${Page} title=${t("place.market")}>
    <${Found} />
    <${Loaded} of=${community}>${(unit) => html`<${Offering} unit=${unit} />`}<//>
  <//>`;
}

function kinds() {
  return KINDS.map((kind) => [kind, t(`listing.${kind}`)]);
}

function Found() {
  const wish = useSignal({ words: "", kind: "" });
  const { words, kind } = wish.value;
  const found = useData(words ? "/search" : "/listings", words ? { words, kind } : { kind });
  const community = useData("/community");
  const search = (values) => {
    wish.value = { words: values.words.trim(), kind: values.kind };
  };
  return html`<${Card}>
      <${Form} send=${search} keeps label=${t("action.search")}>
        <${Field} label=${t("web.search_for")} name="words" type="search" maxlength="80" />
        <${Select}
          label=${t("web.kind")}
          name="kind"
          value=${kind}
          options=${[["", t("web.all")], ...kinds()]}
        />
        <${Submit}>${t("action.search")}<//>
      <//>
    <//>
    <${Card}>
      <${Loaded} of=${found}>
        ${({ items }) => html`<${List} items=${listings(items)} empty=${t("web.nothing")}>
          ${(item) =>
            html`<${Listing} key=${item.id} item=${item} unit=${community.value} found=${found} />`}
        <//>`}
      <//>
    <//>`;
}

/** Listings, or the listings among what a search found. */
function listings(items) {
  return items.map((one) => ("listing" in one ? one.listing : one)).filter((one) => one?.id);
}

function Offering({ unit }) {
  const send = (values) => {
    const price = priceOf(values.price, unit.decimals);
    if (price === null) throw amountMisfit("price", unit.decimals);
    const { kind, title, text } = values;
    const region = values.region.trim() || null;
    return post("/listings", { kind, title, text, price, region, language: language.peek() });
  };
  const price = `${t("web.price")} (${clean(unit.unit_name)})`;
  return html`<${Card} title=${t("web.new_listing")}>
    <${Form} send=${send} draft="market/new">
      <${Select} label=${t("web.kind")} name="kind" options=${kinds()} />
      <${Field} label=${t("web.title")} name="title" maxlength="200" />
      <${Area} label=${t("web.details")} name="text" maxlength="5000" />
      <${Field} label=${price} name="price" inputmode="decimal" autocomplete="off" />
      <${Field} label=${t("web.region")} name="region" maxlength="20" placeholder="KR-11" />
      <${Submit}>${t("action.sell")}<//>
    <//>
  <//>`;
}

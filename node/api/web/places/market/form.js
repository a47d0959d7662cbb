// Making a listing, or changing one: what it is, its price, its pictures.

import { post, put } from "../../base/api.js";
import { Area, Field, Form, Select, Submit, amountMisfit } from "../../base/forms.js";
import { amount, clean } from "../../base/format.js";
import { Card, Loaded, Page } from "../../base/parts.js";
import { go, href } from "../../base/router.js";
import { useData } from "../../base/store.js";
import { html, useMemo, signal } from "../../base/ui.js";
import { language, t } from "../../base/words.js";
import { kinds } from "./browse.js";
import { Photos } from "./photos.js";
import { priceOf } from "./price.js";

/** The page that makes a listing. */
export function NewListing() {
  const send = (body) => post("/listings", { ...body, language: language.peek() });
  return html`<${Sheet} title=${t("web.new_listing")} send=${send} yes=${t("action.sell")} />`;
}

/** The page that changes an own one. */
export function ChangeListing({ id }) {
  const found = useData(`/listings/${id}`);
  const send = async (body) => {
    await put(`/listings/${id}`, body);
    return { id };
  };
  return html`<${Loaded} of=${found}>
    ${(item) => html`<${Sheet}
      title=${t("browse.change")}
      item=${item}
      send=${send}
      yes=${t("action.save")}
    />`}
  <//>`;
}

function Sheet({ title, item, send, yes }) {
  const community = useData("/community");
  const back = item ? href("market", item.id) : href("market");
  return html`<${Page} title=${title} back=${back} backText=${t("place.market")}>
    <${Card}>
      <${Loaded} of=${community}>
        ${(unit) => html`<${Fields} unit=${unit} item=${item} send=${send} yes=${yes} />`}
      <//>
    <//>
  <//>`;
}

function Fields({ unit, item, send, yes }) {
  const pictures = useMemo(() => signal(item?.pictures ?? []), []);
  const foreign = item?.price.form === "amount" && item.price.unit !== "credit";
  const submit = async (values) => {
    const price = foreign ? item.price : priceOf(values.price, unit.decimals);
    if (price === null) throw amountMisfit("price", unit.decimals);
    const { kind, title, text } = values;
    const region = values.region.trim() || null;
    const named = pictures.peek().map(({ large }) => {
      return { id: large.id, text: values[`words-${large.id}`] ?? "" };
    });
    const made = await send({ kind, title, text, price, region, pictures: named });
    go("market", [made.id], { replace: true });
  };
  const price = `${t("web.price")} (${clean(unit.unit_name)})`;
  return html`<${Form} send=${submit} keeps draft=${item ? null : "market/new"}>
    <${Photos} pictures=${pictures} />
    <${Select} label=${t("web.kind")} name="kind" value=${item?.kind} options=${kinds()} />
    <${Field} label=${t("web.title")} name="title" value=${item?.title} maxlength="200" />
    <${Area} label=${t("web.details")} name="text" value=${item?.text} maxlength="5000" />
    ${!foreign &&
    html`<${Field}
      label=${price}
      name="price"
      value=${item && typed(item.price)}
      inputmode="decimal"
      autocomplete="off"
    />`}
    <${Field}
      label=${t("web.region")}
      name="region"
      value=${item?.region}
      maxlength="20"
      placeholder="KR-11"
    />
    <${Submit}>${yes}<//>
  <//>`;
}

/** A price as one would type it. */
function typed(price) {
  if (price.form === "ask") return "";
  if (price.form === "free") return "0";
  return amount(price.amount, price.decimals).replace(/[^\d.]/g, "");
}

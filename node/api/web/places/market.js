// Market: browse, search, offer and ask.

import { get, post, put, remove } from "../api.js";
import { card, choice, field, fill, form, h } from "../dom.js";
import { amount, clean, t, units, when } from "../format.js";
import { attempt, say } from "../main.js";

const KINDS = ["goods", "service", "loan", "share", "gift", "want"];

/** What is offered and asked for; a form to add to it. */
export async function show(view) {
  const unit = await get("/community");
  const list = h("ul", { class: "plain" });
  const wish = { words: "", kind: "" };
  const refresh = async () => {
    const items = await found(wish);
    fill(list, items.length ? items.map((one) => line(one, unit)) : h("li", {}, t("web.nothing")));
  };
  const search = (values) => {
    Object.assign(wish, { words: values.words.trim(), kind: values.kind });
    return attempt(refresh).then(() => false);
  };
  const kinds = KINDS.map((kind) => [kind, t(`listing.${kind}`)]);
  fill(
    view,
    h("h1", {}, t("place.market")),
    card(
      null,
      form(
        search,
        field(t("web.search_for"), h("input", { name: "words", type: "search", maxlength: 80 })),
        field(t("web.kind"), choice("kind", [["", t("web.all")], ...kinds])),
        h("button", { class: "main" }, t("action.search"))
      )
    ),
    card(null, list),
    offering(kinds, unit)
  );
  await refresh();
  return { heard: (name) => (["listing", "profile", "reset"].includes(name) ? refresh() : null) };
}

async function found({ words, kind }) {
  if (!words) return (await get("/listings", { kind })).items;
  const { items } = await get("/search", { words, kind });
  return items.map((hit) => hit.listing).filter((listing) => listing !== null);
}

function offering(kinds, unit) {
  const send = async (values) => {
    const price = priceOf(values.price, unit.decimals);
    if (price === null) {
      say(t("problem.amount-invalid", { decimals: unit.decimals }));
      return false;
    }
    const { kind, title, text } = values;
    const region = values.region.trim() || null;
    const language = document.documentElement.lang;
    return attempt(() => post("/listings", { kind, title, text, price, region, language }));
  };
  const typed = { name: "price", inputmode: "decimal", autocomplete: "off" };
  return card(
    t("web.new_listing"),
    form(
      send,
      field(t("web.kind"), choice("kind", kinds)),
      field(t("web.title"), h("input", { name: "title", maxlength: 200, required: true })),
      field(t("web.details"), h("textarea", { name: "text", maxlength: 5000 })),
      field(`${t("web.price")} (${clean(unit.unit_name)})`, h("input", typed)),
      field(t("web.region"), h("input", { name: "region", maxlength: 20, placeholder: "KR-11" })),
      h("button", { class: "main" }, t("action.sell"))
    )
  );
}

/** Empty: ask; zero: free; else an amount of credit. Null where it is none of these. */
function priceOf(typed, decimals) {
  if (typed.trim() === "") return { form: "ask" };
  if (/^0([.,]0*)?$/.test(typed.trim())) return { form: "free" };
  const found = units(typed, decimals);
  return found === null ? null : { form: "amount", amount: found };
}

function priceText(price, unit) {
  if (price.form !== "amount") return t(`listing.${price.form}`);
  const name = price.unit === "credit" ? unit.unit_name : price.unit;
  return `${amount(price.amount, price.decimals)} ${clean(name)}`;
}

function line(item, unit) {
  const place = item.region ? ` · ${clean(item.region)}` : "";
  const state = item.state === "active" ? "" : ` · ${t(`listing.${item.state}`)}`;
  const facts = `${t(`listing.${item.kind}`)} · ${clean(item.author.name)}${place}${state}`;
  const other = item.state === "paused" ? "active" : "paused";
  const pause = () => attempt(() => put(`/listings/${item.id}`, { state: other }));
  const close = () => {
    if (confirm(t("web.sure_close"))) attempt(() => remove(`/listings/${item.id}`));
  };
  return h(
    "li",
    {},
    h("p", { lang: item.language ?? null }, h("strong", {}, clean(item.title))),
    h("p", { class: "amount" }, priceText(item.price, unit)),
    h("p", { class: "soft" }, `${facts} · ${when(item.time)}`),
    item.text && h("p", { class: "text", lang: item.language ?? null }, item.text),
    item.mine &&
      h(
        "div",
        { class: "row" },
        h("button", { type: "button", onclick: pause }, t(`web.make_${other}`)),
        h("button", { type: "button", onclick: close }, t("web.close_listing"))
      )
  );
}

// Trade: the balance with its sentence, paying and invoicing, own trades and their next steps.

import { file, get, post } from "../api.js";
import { card, choice, field, fill, form, h, unlessTyping } from "../dom.js";
import { amount, clean, t, units, when } from "../format.js";
import { attempt, say } from "../main.js";
import { stall } from "../stall.js";
import { askForHelp, cases } from "./cases.js";

const CONCERNS = [
  "trade", "balance", "stamp", "account", "credit.grant", "rating", "dispute", "reset",
];
const BINDING = ["accepted", "settled", "secured"]; // somebody may ask for help
const STARS = [5, 4, 3, 2, 1];
const AGREED = ["settled", "secured"];
const MONTH_CHARACTERS = 7;
const PAGE_KEPT_MS = 600000; // the page may be read again while it is printed

/** Everything about trading on one page. */
export async function show(view) {
  const balance = h("div");
  const list = h("ul", { class: "plain" });
  const wrong = cases();
  const community = await get("/community");
  const people = await partners();
  const market = stall();
  const refresh = async () => {
    const [mine, trades] = await Promise.all([
      get("/balance"),
      get("/trades"),
      wrong.refresh(),
    ]);
    fill(balance, balanceLines(mine));
    const lines = trades.items.map((trade) => tradeLine(trade, market));
    unlessTyping(list, () => fill(list, lines.length ? lines : h("li", {}, t("web.no_trades"))));
  };
  fill(
    view,
    h("h1", {}, t("place.trade")),
    card(null, balance),
    wrong.element,
    proposing(people, community),
    market.element,
    card(t("web.my_trades"), list),
    statement()
  );
  await refresh();
  return { heard: (name) => (CONCERNS.includes(name) ? refresh() : undefined) };
}

/** [id, name] of everybody one can trade with: members of the own chapter. */
async function partners() {
  const [members, identity] = await Promise.all([
    get("/members", { limit: 200 }),
    get("/identity"),
  ]);
  return members.items
    .filter((one) => one.id !== identity.member && one.membership !== "applicant")
    .map((one) => [one.id, `${clean(one.name)} (${one.id.slice(0, 8)})`]);
}

function balanceLines(mine) {
  const shown = (value) => `${amount(value, mine.decimals)} ${clean(mine.unit_name)}`;
  return [
    h("p", { class: "big" }, shown(mine.book)),
    h("p", {}, mine.text),
    mine.spendable === null
      ? h("p", { class: "soft" }, t("problem.no-grant"))
      : h("p", {}, t("balance.spendable", { amount: shown(mine.spendable) })),
    mine.reserved > 0 &&
      h("p", { class: "soft" }, t("web.reserved", { amount: shown(mine.reserved) })),
    mine.closed && h("p", { class: "soft" }, mine.closed.text),
    h("p", { class: "soft" }, `${mine.level}: ${mine.level_text}`),
    h("p", { class: "soft" }, mine.level_means),
    mine.final && mine.unconfirmed > 0 &&
      h("p", { class: "soft" }, t("balance.unconfirmed", { count: mine.unconfirmed })),
    !mine.final && h("p", { class: "soft" }, t("trade.not_final")),
  ];
}

function proposing(people, community) {
  const send = async (values) => {
    const found = units(values.amount, community.decimals);
    if (found === null || !values.partner) {
      say(t("problem.amount-invalid", { decimals: community.decimals }));
      return false;
    }
    const name = people.find(([id]) => id === values.partner)?.[1];
    const shown = `${amount(found, community.decimals)} ${clean(community.unit_name)}`;
    const sure = values.direction === "pay" ? "web.sure_pay" : "web.sure_invoice";
    if (!confirm(t(sure, { name, amount: shown }))) return false;
    const { direction, partner } = values;
    return attempt(() =>
      post("/trades", { direction, partner, amount: found, for: values.for })
    );
  };
  const typed = { name: "amount", inputmode: "decimal", autocomplete: "off", required: true };
  if (!people.length) return card(t("web.new_trade"), h("p", {}, t("web.no_partners")));
  return card(
    t("web.new_trade"),
    form(
      send,
      field(
        t("web.direction"),
        choice("direction", [["pay", t("action.pay")], ["invoice", t("web.invoice")]])
      ),
      field(t("web.partner"), choice("partner", people)),
      field(`${t("web.amount")} (${clean(community.unit_name)})`, h("input", typed)),
      field(t("web.for"), h("input", { name: "for", maxlength: 500 })),
      h("button", { class: "main" }, t("action.send"))
    )
  );
}

function tradeLine(trade, market) {
  const shown = clean(trade.amount_text);
  const sides = { payer: clean(trade.payer.name), payee: clean(trade.payee.name) };
  const buttons = trade.next_steps.filter((step) => step !== "rate").map((step) =>
    h("button", { type: "button", onclick: () => take(trade, step) }, t(`action.${step}`))
  );
  if (trade.state !== "declined" && trade.state !== "released") {
    const show = () => market.show(trade);
    buttons.push(h("button", { type: "button", onclick: show }, t("web.stall_show")));
  }
  return h(
    "li",
    {},
    h("p", {}, t("trade.from_to", sides)),
    h("p", { class: "amount" }, shown),
    trade.for && h("p", { class: "text" }, trade.for),
    h("p", { class: "soft" }, `${trade.state_text} · ${when(trade.time)}`),
    trade.given_back > 0 && h("p", { class: "soft" }, givenBack(trade)),
    trade.doubt_text && h("p", { class: "attention" }, trade.doubt_text),
    h("p", { class: mustWait(trade) ? "attention" : "soft" }, trade.goods_text),
    trade.confirmations_text && h("p", { class: "soft" }, trade.confirmations_text),
    h("details", { class: "soft" },
      h("summary", {}, `${trade.level}: ${trade.level_text}`), trade.level_means),
    trade.alert_texts.map((text) => h("p", { class: "attention" }, text)),
    h(
      "div",
      { class: "row" },
      buttons,
      AGREED.includes(trade.state) && printing(trade),
      trade.next_steps.includes("rate") && rating(trade)
    ),
    BINDING.includes(trade.state) && askForHelp(trade)
  );
}

function printing(trade) {
  const wanted = { format: "html", order: trade.for !== null };
  const onclick = () => print(`/receipts/${trade.id}`, wanted);
  return h("button", { type: "button", onclick }, t("web.print_receipt"));
}

function statement() {
  const month = new Date().toISOString().slice(0, MONTH_CHARACTERS);
  const typed = { name: "month", value: month, pattern: "[0-9]{4}-[0-9]{2}", required: true };
  const send = async (values) => {
    await print("/statements", { month: values.month, format: "html", order: true });
    return false;
  };
  return card(
    t("web.statement"),
    form(
      send,
      field(t("web.month"), h("input", typed)),
      h("button", { class: "main" }, t("web.print"))
    )
  );
}

/** Opens a page of its own, which the browser prints. Opened at once, for later it may not be. */
async function print(path, query) {
  const sheet = window.open("", "_blank");
  const done = await attempt(async () => {
    const page = URL.createObjectURL(await file(path, query));
    setTimeout(() => URL.revokeObjectURL(page), PAGE_KEPT_MS);
    if (sheet === null) say(t("web.window_refused"));
    else sheet.location.replace(page);
  });
  if (!done) sheet?.close();
}

function givenBack(trade) {
  const shown = `${amount(trade.given_back, trade.decimals)} / ${clean(trade.amount_text)}`;
  return t("refund.given", { amount: shown });
}

/** Paid, and still the seller must not hand over. */
function mustWait(trade) {
  return trade.goods === "wait" && trade.state === "settled";
}

function take(trade, step) {
  if (confirm(t(`web.sure_${step}`))) attempt(() => post(`/trades/${trade.id}/${step}`));
}

function rating(trade) {
  const stars = STARS.map((count) => [String(count), "★".repeat(count)]);
  const select = choice("stars", [["", t("web.rate")], ...stars]);
  select.setAttribute("aria-label", t("web.rate"));
  select.addEventListener("change", () => {
    if (!select.value) return;
    attempt(() => post(`/trades/${trade.id}/rate`, { stars: Number(select.value) })).then(
      (done) => done && say(t("web.rated"))
    );
  });
  return h("div", {}, select);
}

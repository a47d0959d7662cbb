// Cases: trades that went wrong. Where each stands, what was said, what this member may do now.

import { get, post } from "../api.js";
import { card, choice, field, fill, form, h, unlessTyping } from "../dom.js";
import { clean, t, units, when } from "../format.js";
import { attempt } from "../main.js";

const BUTTONS = ["take", "leave", "close", "pay"]; // steps without a form

/** The card of this member's cases, and how to bring it up to date. */
export function cases() {
  const list = h("ul", { class: "plain" });
  const element = card(t("web.cases"), list);
  const refresh = async () => {
    const { items } = await get("/disputes");
    element.hidden = !items.length;
    unlessTyping(list, () => fill(list, items.map(caseLine)));
  };
  return { element, refresh };
}

/** A form that asks for help with a trade. */
export function askForHelp(trade) {
  const send = (values) =>
    attempt(() => post("/disputes", { trade: trade.id, text: values.text }));
  return h(
    "details",
    {},
    h("summary", {}, t("web.ask_help")),
    h("p", { class: "soft" }, t("dispute.you_say")),
    form(send, textField(t("web.case_what")), h("button", {}, t("action.send")))
  );
}

function textField(label) {
  return field(label, h("textarea", { name: "text", maxlength: 5000, required: true }));
}

function caseLine(one) {
  const names = Object.fromEntries(
    ["opener", "payer", "payee"].map((side) => [side, clean(one[side].name)])
  );
  const steps = one.next_steps;
  const said = h("div");
  const open = h(
    "details",
    { ontoggle: () => open.open && showSaid(one, said) },
    h("summary", {}, t("web.case_said")),
    said
  );
  return h(
    "li",
    {},
    h("p", {}, t("dispute.about", { ...names, amount: clean(one.amount_text) })),
    h("p", { class: one.waits ? "attention" : "soft" }, one.text),
    one.next_texts.map((text) => h("p", { class: "soft" }, text)),
    open,
    steps.includes("vote") && voting(one),
    steps.includes("say") && speaking(one),
    h("div", { class: "row" }, steps.filter((step) => BUTTONS.includes(step)).map(button(one)))
  );
}

async function showSaid(one, element) {
  await attempt(async () => {
    const found = await get(`/disputes/${one.id}`);
    fill(
      element,
      found.said.flatMap((part) => [
        h("p", { class: "soft" }, `${clean(part.author.name)} · ${when(part.time)}`),
        h("p", { class: "text" }, part.text ?? t("dispute.sealed")),
      ])
    );
  });
}

function speaking(one) {
  const path = `/disputes/${one.id}/evidence`;
  const send = (values) => attempt(() => post(path, { text: values.text }));
  return form(send, textField(t("web.case_say")), h("button", {}, t("action.send")));
}

function voting(one) {
  const sides = ["payer", "payee"].map((side) => [side, clean(one[side].name)]);
  const send = (values) => {
    const found = values.to === "nobody" ? 0 : units(values.amount, one.decimals);
    const wish = { to: values.to, amount: found ?? 0 };
    return attempt(() => post(`/disputes/${one.id}/vote`, wish));
  };
  return form(
    send,
    field(
      t("web.case_vote"),
      choice("to", [["nobody", t("dispute.to_nobody")], ...sides])
    ),
    field(t("web.amount"), h("input", { name: "amount", inputmode: "decimal" })),
    h("button", {}, t("web.case_vote_now"))
  );
}

function button(one) {
  const path = { leave: "take" };
  const body = { take: { takes: true }, leave: { takes: false }, pay: {} };
  return (step) => {
    const onclick = () => {
      if (!confirm(t(`web.sure_case_${step}`))) return;
      attempt(() => post(`/disputes/${one.id}/${path[step] ?? step}`, body[step]));
    };
    return h("button", { type: "button", onclick }, t(`web.case_${step}`));
  };
}

// Trading with no network: notes shown as QR codes, and what was scanned taken in.

import { get, post } from "./api.js";
import { card, field, fill, form, h } from "./dom.js";
import { clean, t } from "./format.js";
import { attempt, say } from "./main.js";

const SVG = "http://www.w3.org/2000/svg";
const PART_CHARACTERS = 1249; // a code that a phone reads from a small screen
const NEXT_MS = 2000; // several codes take turns: whoever scans needs no second hand
const WISHES = { part_characters: PART_CHARACTERS, drawn: true };

/** A card to greet and to take notes in; `show(trade)` shows the note of a trade in it. */
export function stall() {
  const place = h("div", { "aria-live": "polite" });
  const give = (path) => attempt(async () => fill(place, note(await post(path, WISHES))));
  const show = async (trade) => {
    if (await give(`/trades/${trade.id}/note`)) place.scrollIntoView({ block: "start" });
  };
  const greet = () => give("/trades/greeting");
  const waits = h("div");
  get("/identity").then((mine) => mine.waiting_for_echo && fill(waits, anyway()));
  const element = card(
    t("web.stall"),
    h("p", {}, t("web.stall_about")),
    place,
    form(
      (values) => take(place, values),
      field(t("web.stall_paste"), h("textarea", { name: "parts", required: true })),
      waits,
      h(
        "div",
        { class: "row" },
        h("button", { class: "main" }, t("web.stall_take")),
        h("button", { type: "button", onclick: greet }, t("web.stall_hello"))
      )
    )
  );
  return { element, show };
}

function anyway() {
  return [
    h("p", { class: "soft" }, t("problem.not-echoed")),
    h("label", { class: "row" }, h("input", { type: "checkbox", name: "anyway" }),
      t("web.stall_anyway")),
  ];
}

async function take(place, values) {
  const parts = values.parts.split(/\s+/).filter((part) => part);
  if (!parts.length) return false;
  return attempt(async () => {
    const body = { parts, anyway: values.anyway !== undefined, ...WISHES };
    const found = await post("/trades/notes", body);
    fill(
      place,
      h("p", {}, found.text),
      found.trades.flatMap(sure),
      found.unsettled_text && h("p", { class: "attention" }, found.unsettled_text),
      found.answer && note(found.answer)
    );
    say(found.text);
  });
}

function sure(told) {
  const { trade } = told;
  const important = { class: told.standing === "doubt" ? "attention" : null };
  if (!trade) return h("p", important, told.text);
  const sides = { payer: clean(trade.payer.name), payee: clean(trade.payee.name) };
  return [
    h("p", {}, t("stall.trade", { ...sides, amount: clean(trade.amount_text) })),
    trade.for && h("p", { class: "text" }, trade.for),
    h("p", important, told.text),
    told.standing === "unconfirmed" && h("p", { class: "attention" }, trade.goods_text),
  ];
}

/** A note: its codes in turn, how sure its trades are, and the same as text. */
function note(given) {
  const frame = h("div");
  const name = given.partner ? clean(given.partner.name) : t("stall.anybody");
  const texts = h("details", {}, h("summary", {}, t("web.stall_copy")),
    given.parts.map((part) => h("p", { class: "link" }, part)));
  const box = h("div");
  fill(
    box,
    h("p", {}, t("stall.code_one", { name })),
    frame,
    given.trades.map((told) => h("p", { class: "soft" }, told.text)),
    texts,
    h("button", { type: "button", onclick: () => box.remove() }, t("web.stall_close"))
  );
  turn(frame, given.codes, 0);
  return box;
}

/** Show one code; of several the next one after a while, or when asked. */
function turn(frame, codes, number) {
  const next = () => turn(frame, codes, (number + 1) % codes.length);
  const label = t("web.stall_code", { number: number + 1, count: codes.length });
  const several = codes.length > 1;
  fill(
    frame,
    picture(codes[number], label),
    several && h("p", { class: "soft" }, label),
    several && h("button", { type: "button", onclick: next }, t("web.stall_next"))
  );
  if (!several || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const shown = frame.firstChild;
  setTimeout(() => shown.isConnected && next(), NEXT_MS);
}

function picture(code, label) {
  const ground = drawn("rect", { width: code.size, height: code.size, fill: "#fff" });
  const dark = drawn("path", { d: code.path, stroke: "#000" });
  const box = { viewBox: `0 0 ${code.size} ${code.size}`, class: "code", role: "img" };
  return drawn("svg", { ...box, "aria-label": label, "shape-rendering": "crispEdges" },
    ground, dark);
}

function drawn(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// The frame: token, language, five places, news of the node.

import { Problem, get, takeToken } from "./api.js";
import { fill, h } from "./dom.js";
import { follow } from "./events.js";
import { LANGUAGES, language, speak, t } from "./format.js";
import * as community from "./places/community.js";
import * as market from "./places/market.js";
import * as me from "./places/me.js";
import * as talk from "./places/talk.js";
import * as trade from "./places/trade.js";

const PLACES = { talk, market, trade, community, me };
const NOTICE_MS = 8000;
// What waits for the member is told in every place, with the way to where it is dealt with.
const WAITING = {
  trades: "#/trade",
  disputes: "#/trade",
  applications: "#/community",
  apply: "#/community",
  admission: null,
  suspended: null,
  "home-copied": null,
  "shut-out": null,
  exposed: "#/trade",
  "exposed-officer": "#/community",
  late: "#/me",
  behind: "#/me",
  "two-accounts": "#/me",
  "limit-awaited": null,
  "in-doubt": "#/trade",
  renewals: "#/community",
};
const OWN_EVENTS = ["status", "ready", "reset"];
const CHANGING = [
  ...OWN_EVENTS, "trade", "dispute", "application", "member.admit", "member.suspend", "fork",
];
const main = document.getElementById("main");
const news = document.getElementById("news");
const waiting = document.getElementById("waiting");
const notice = document.getElementById("notice");
const remembered = {}; // what each place showed last
let shown = { heard: () => {} };
let noticeTimer = 0;

/** Do something for the user; a refusal is shown as its sentence. False if it was refused. */
export async function attempt(work) {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof Problem && !takeToken()) askForToken();
    else if (error instanceof Problem) say(error.message);
    else if (error instanceof TypeError) say(t("web.offline"));
    else throw error;
    return false;
  }
}

/** Show a sentence for a while. */
export function say(text) {
  notice.textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (notice.textContent = ""), NOTICE_MS);
}

/** Go to a place, with what to show there. */
export function go(place, ...rest) {
  location.hash = ["#", place, ...rest.map(encodeURIComponent)].join("/");
}

function route() {
  const [place, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return place in PLACES ? [place, rest] : ["talk", []];
}

async function show() {
  const [place, rest] = route();
  remembered[place] = location.hash;
  const links = Object.keys(PLACES).map((name) => {
    const current = name === place ? "page" : null;
    const href = current ? `#/${name}` : remembered[name] ?? `#/${name}`;
    return h("a", { href, "aria-current": current }, t(`place.${name}`));
  });
  fill(document.getElementById("places"), links);
  document.title = `${t(`place.${place}`)} · WeTalk`;
  const view = h("div");
  fill(main, view);
  shown = { heard: () => {} };
  await attempt(async () => {
    shown = (await PLACES[place].show(view, rest)) ?? shown;
  });
}

function linked(text, href) {
  return href === null ? text : h("a", { href }, text);
}

async function tellNews() {
  await attempt(async () => {
    const status = await get("/status");
    news.textContent = status.sync.text;
    fill(
      waiting,
      status.next
        .filter((hint) => hint.code in WAITING)
        .map((hint) => h("p", { class: "attention" }, linked(hint.text, WAITING[hint.code])))
    );
  });
}

function heard(name, data) {
  if (CHANGING.includes(name)) tellNews();
  if (name !== "status") attempt(() => shown.heard(name, data));
  else attempt(() => shown.heard("status", {}));
}

function askForToken() {
  const words = Object.keys(LANGUAGES).map((code) =>
    h("button", { type: "button", lang: code, onclick: () => change(code) }, LANGUAGES[code])
  );
  fill(main, h("h1", {}, "WeTalk"), h("p", {}, t("web.token")), h("div", { class: "row" }, words));
}

/** Speak another language from now on. */
export async function change(code) {
  await speak(code);
  await start();
}

async function start() {
  document.getElementById("skip").textContent = t("web.skip");
  document.getElementById("title").textContent = t("app.name");
  if (!takeToken()) return askForToken();
  await tellNews();
  await show();
}

addEventListener("click", () => say(""), true); // what was said belongs to the step before
addEventListener("hashchange", () => {
  if (takeToken()) show().then(() => main.focus());
});
await speak(language());
await start();
if (takeToken()) {
  follow(heard, (online) => {
    if (!online) news.textContent = t("web.offline");
  });
}

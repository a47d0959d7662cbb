// What the node told, kept for this tab and brought up to date by its events.
//
// A component asks with `useData("/rooms")` or `usePages("/posts", {room})` and is drawn anew when
// the answer changes. Answers are shared between components, fetched again when an event concerns
// them, and stay on the screen while the node is away. They are kept in memory, and across a reload
// in this tab's session storage; nothing outlives the tab.

import { Problem, get, known, withQuery } from "./api.js";
import { follow } from "./events.js";
import { effect, signal, useEffect } from "./ui.js";
import { language } from "./words.js";

const SEEN = "wetalk-seen";
const SEEN_MAX_CHARACTERS = 400000;
const KEPT_MAX_COUNT = 60;
const PAUSE_MS = 250; // between two loads of the same answer, however many events come
const PAGE_COUNT = 50;
const PAGE_MAX_COUNT = 200;
const AWAY_SHOWN_AFTER_MS = 1200;

const MEMBERSHIP = ["profile", "application", "member.admit", "member.suspend", "account"];
const MONEY = ["trade", "balance", "credit.grant", "stamp", "account", "rating", "dispute", "fork"];
const TALK = ["post", "profile"];
// By the first step of a path: the events after which its answer may be another.
const CONCERNS = {
  status: ["status", "trade", "dispute", "fork", "home.copied", "device.revoked", ...MEMBERSHIP],
  identity: ["status", "home.copied"],
  profile: ["profile"],
  devices: ["device.added", "device.revoked", "fork"],
  tokens: [],
  peers: ["status"],
  community: ["member.admit", "member.suspend", "stamp", "profile"],
  members: [...MEMBERSHIP, ...MONEY],
  chapters: [...MEMBERSHIP, "credit.grant"],
  contacts: [],
  rooms: TALK,
  posts: TALK,
  listings: ["listing", "picture", "profile"],
  search: ["listing", "picture", ...TALK],
  trades: [...MONEY, "profile"],
  disputes: ["dispute", "trade"],
  balance: MONEY,
  contributions: ["trade", "balance"],
  statements: ["trade", "balance"],
  ledger: ["stamp", "balance"],
};

/** False while the node does not answer; true again as soon as it does. */
export const online = signal(true);

const answers = new Map(); // by path and query, the last used last
const listeners = new Set();
let started = null; // resolves once the stream of events runs, or cannot

/** One answer of the node. Read `value`, `problem` and `busy` while drawing. */
class Answer {
  #state = signal({ value: undefined, problem: null, busy: false });
  #again = false;
  #nextAt = 0;
  users = 0;
  stale = true;

  constructor(path, query, paged) {
    this.path = path;
    this.query = query;
    this.wanted = paged ? PAGE_COUNT : 0;
    this.concerns = CONCERNS[path.split("/")[1]] ?? [];
  }

  /** What the node told last, or undefined. */
  get value() {
    return this.#state.value.value;
  }

  /** Why it could not be told last, as a Problem, or null. */
  get problem() {
    return this.#state.value.problem;
  }

  /** True while it is being asked for. */
  get busy() {
    return this.#state.value.busy;
  }

  /** Show something before the node has told it, such as a list without what is being erased. */
  show(value) {
    this.#state.value = { ...this.#state.peek(), value };
  }

  /** Ask for a further page. */
  more() {
    this.wanted += PAGE_COUNT;
    return this.load();
  }

  /** Ask now; while it is being asked for already, once more afterwards. */
  async load() {
    if (this.#state.peek().busy) {
      this.#again = true;
      return;
    }
    this.#state.value = { ...this.#state.peek(), busy: true };
    await started;
    do {
      this.#again = false;
      this.stale = false;
      await pause(this.#nextAt - Date.now());
      await this.#ask();
      this.#nextAt = Date.now() + PAUSE_MS;
    } while (this.#again && this.users);
    this.#state.value = { ...this.#state.peek(), busy: false };
  }

  async #ask() {
    const { value } = this.#state.peek();
    try {
      const told = await (this.wanted ? this.#pages() : get(this.path, this.query));
      this.#state.value = { value: told, problem: null, busy: true };
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.stale = true;
      this.#state.value = { value, problem, busy: true };
    }
  }

  async #pages() {
    const items = [];
    for (let cursor = null; ; ) {
      const limit = Math.min(this.wanted - items.length, PAGE_MAX_COUNT);
      const page = await get(this.path, { ...this.query, cursor, limit });
      items.push(...page.items);
      cursor = page.next;
      if (cursor === null || items.length >= this.wanted) return { ...page, items };
    }
  }

  /** It may be another by now: asked for again, at once if it is on the screen. */
  renew() {
    this.stale = true;
    if (this.users && document.visibilityState === "visible") this.load();
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}

function answerTo(path, query, paged) {
  const key = withQuery(path, query) + (paged ? "#" : "");
  const found = answers.get(key) ?? new Answer(path, query, paged);
  answers.delete(key);
  answers.set(key, found);
  for (const [old, one] of answers) {
    if (answers.size <= KEPT_MAX_COUNT) break;
    if (!one.users && one !== found) answers.delete(old);
  }
  return found;
}

function use(path, query, paged) {
  const answer = answerTo(path, query, paged);
  useEffect(() => {
    answer.users += 1;
    if (answer.stale) answer.load();
    return () => (answer.users -= 1);
  }, [answer]);
  return answer;
}

/** The answer to GET path: `{value, problem, busy}`, `value` undefined until it is known. */
export const useData = (path, query = {}) => use(path, query, false);

/** A paged list: `value.items`, `value.next` (null at its end), `more()` for a further page. */
export const usePages = (path, query = {}) => use(path, query, true);

/** Ask for everything anew whose path begins so; after a write that no event tells of. */
export function renew(path = "/") {
  for (const answer of answers.values()) if (answer.path.startsWith(path)) answer.renew();
}

/** Call `heard(name, data)` for each event of the node while a component is shown. */
export function useEvents(heard) {
  useEffect(() => {
    listeners.add(heard);
    return () => listeners.delete(heard);
  }, [heard]);
}

function hear(name, data) {
  if (name === "reset") renew();
  else if (name === "ready") renew("/status");
  else for (const one of answers.values()) if (one.concerns.includes(name)) one.renew();
  for (const listener of listeners) listener(name, data);
}

/** Follow the node's events as long as the token is good. Shows first what this tab saw last. */
export function start() {
  recall();
  let timer = 0;
  let wasAway = false;
  started = new Promise((resolve) => {
    const told = (here) => {
      clearTimeout(timer);
      if (here) online.value = true;
      else timer = setTimeout(() => (online.value = false), AWAY_SHOWN_AFTER_MS);
      if (here && wasAway) for (const one of answers.values()) if (one.stale) one.renew();
      wasAway = !here;
      resolve();
    };
    follow(hear, told);
  });
}

function recall() {
  const seen = JSON.parse(sessionStorage.getItem(SEEN) ?? "[]");
  for (const { path, query, paged, value } of seen) answerTo(path, query, paged).show(value);
}

function remember() {
  if (!known.peek()) return;
  const seen = [];
  let room = SEEN_MAX_CHARACTERS;
  for (const { path, query, wanted, value } of [...answers.values()].reverse()) {
    if (value === undefined) continue;
    const one = { path, query, paged: wanted > 0, value };
    room -= JSON.stringify(one).length;
    if (room < 0) break;
    seen.unshift(one);
  }
  sessionStorage.setItem(SEEN, JSON.stringify(seen));
}

addEventListener("pagehide", remember);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") return remember();
  for (const answer of answers.values()) if (answer.stale && answer.users) answer.load();
});

let spoken = null;
effect(() => {
  if (spoken !== null && spoken !== language.value) renew(); // sentences come from the node, too
  spoken = language.value;
});

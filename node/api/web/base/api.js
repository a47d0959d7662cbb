// The local API: the token of this tab, requests, and refusals as sentences.
//
// The token comes in the fragment of the address, which browsers send to nobody; it is taken out at
// once and kept for this tab alone.

import { signal } from "./ui.js";
import { language, t } from "./words.js";

const TOKEN = "wetalk-token";
const SEEN = "wetalk-seen"; // see store.js: what this tab showed last
const NO_TOKEN = 401;
const AWAY = "node-away";
const NO_MEMBER = "setup-needed";
const ANSWER_MAX_MS = 60000; // some answers are computed from the whole ledger

// Writes that were not answered, with their keys. A member who presses again after a break sends
// the same key, so what the node had done unheard is not done twice.
const unanswered = new Map();

const kept = localStorage.getItem(TOKEN); // on a phone whose member wanted so; see pairing.js
if (kept !== null && sessionStorage.getItem(TOKEN) === null) sessionStorage.setItem(TOKEN, kept);

/** False while there is no token that the node accepts. */
export const known = signal(sessionStorage.getItem(TOKEN) !== null);

/** The code that lets this phone in, until it was exchanged. */
export const pairing = signal(null);

/** True while the home has no member yet, until the first run is over. */
export const unborn = signal(false);

/** A refusal: `title` says what happened, `message` why and what to do, `values` what is in it. */
export class Problem extends Error {
  constructor({ code, title, detail, values = {} }, status = 0) {
    super(detail);
    this.code = code;
    this.title = title;
    this.values = values;
    this.status = status;
  }

  /** True where the node did not answer at all. */
  get away() {
    return this.code === AWAY;
  }
}

/** Take a token, or a phone's code, out of the address, once. */
export function takeToken() {
  const found = /^#(token|pair)=([A-Za-z0-9_-]+)/.exec(location.hash);
  if (!found) return;
  history.replaceState(null, "", location.pathname);
  if (found[1] === "token") adoptToken(found[2]);
  else pairing.value = found[2];
}

/** Go on with this token, on a phone for good. What another token had shown is forgotten. */
export function adoptToken(token, { keep = false } = {}) {
  if (token !== sessionStorage.getItem(TOKEN)) forget();
  sessionStorage.setItem(TOKEN, token);
  if (keep) localStorage.setItem(TOKEN, token);
  known.value = true;
}

/** Forget the token and what was seen with it. */
export function forget() {
  localStorage.removeItem(TOKEN);
  sessionStorage.removeItem(TOKEN);
  sessionStorage.removeItem(SEEN);
  known.value = false;
}

/** True where the token outlives the tab. */
export const keeps = () => localStorage.getItem(TOKEN) !== null;

/** Headers that every request carries. */
export function headers() {
  return {
    Authorization: `Bearer ${sessionStorage.getItem(TOKEN)}`,
    "Accept-Language": language.peek(),
  };
}

/** A path below /v1 with its query; what is empty, null or undefined is left out. */
export function withQuery(path, query = {}) {
  const wanted = Object.entries(query).filter(([, value]) => (value ?? "") !== "");
  const text = new URLSearchParams(wanted).toString();
  return text ? `${path}?${text}` : path;
}

async function ask(method, path, body, { keepalive } = {}) {
  const options = { method, headers: headers(), cache: "no-store", credentials: "omit", keepalive };
  const raw = body instanceof Blob;
  if (body !== undefined) {
    options.headers["Content-Type"] = raw ? "application/octet-stream" : "application/json";
    options.body = raw ? body : JSON.stringify(body);
  }
  const write = method === "GET" || raw ? null : `${method} ${path} ${options.body}`;
  if (write) {
    if (!unanswered.has(write)) unanswered.set(write, crypto.randomUUID());
    options.headers["Idempotency-Key"] = unanswered.get(write);
  }
  const response = await answer(`/v1${path}`, options);
  unanswered.delete(write);
  if (response.ok) return response;
  if (response.status === NO_TOKEN) forget();
  const problem = new Problem(await told(response), response.status);
  if (problem.code === NO_MEMBER) unborn.value = true;
  throw problem;
}

async function answer(address, options) {
  try {
    return await fetch(address, { ...options, signal: AbortSignal.timeout(ANSWER_MAX_MS) });
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
    throw away();
  }
}

/** What is told where nobody answers. */
export const away = () =>
  new Problem({ code: AWAY, title: t("web.away"), detail: t("web.away_what_now") });

async function told(response) {
  try {
    return await response.json();
  } catch {
    return { code: "unexpected", title: t("problem_title.trouble"), detail: t("web.no_sense") };
  }
}

/** The answer to a GET below /v1. Raises Problem. */
export const get = async (path, query) => (await ask("GET", withQuery(path, query))).json();

/** A write, answered by what it made; repeated after a break, it is not done twice. */
export const post = async (path, body = {}, more) => (await ask("POST", path, body, more)).json();
export const put = async (path, body, more) => (await ask("PUT", path, body, more)).json();
export const remove = async (path, more) => (await ask("DELETE", path, undefined, more)).json();

/** A file that is made for what is asked, such as a backup under a password. */
export const sealed = async (path, body) => (await ask("POST", path, body)).blob();

/** Sends a file as it is; what it makes may be made twice without harm. */
export const upload = async (path, blob) => (await ask("POST", path, blob)).json();

/** A file, such as a receipt to print or a picture, as a Blob. */
export const file = async (path, query) => (await ask("GET", withQuery(path, query))).blob();

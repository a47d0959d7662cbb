// The local API: the token, requests, and refusals as sentences.

const TOKEN = "wetalk-token";
const HTTP_NO_TOKEN = 401;

/** A refusal: `message` is the sentence to show. */
export class Problem extends Error {
  constructor(told, status) {
    super(told.detail);
    this.code = told.code;
    this.status = status;
  }
}

/** Take the token out of the address, once, and keep it for this tab. True if there is one. */
export function takeToken() {
  const found = /[#&]token=([A-Za-z0-9_-]+)/.exec(location.hash);
  if (found) {
    sessionStorage.setItem(TOKEN, found[1]);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(TOKEN) !== null;
}

/** Forget the token: it is no longer valid. */
export function dropToken() {
  sessionStorage.removeItem(TOKEN);
}

/** Headers that every request carries. */
export function headers() {
  return {
    Authorization: `Bearer ${sessionStorage.getItem(TOKEN)}`,
    "Accept-Language": document.documentElement.lang,
  };
}

/** The answer to one request below /v1. A write carries a key: repeated, it is not done twice. */
export async function request(method, path, body) {
  return (await ask(method, path, body)).json();
}

/** A file, such as a receipt to print. */
export async function file(path, query) {
  return (await ask("GET", withQuery(path, query))).blob();
}

async function ask(method, path, body) {
  const options = { method, headers: headers(), cache: "no-store", credentials: "omit" };
  if (method !== "GET") options.headers["Idempotency-Key"] = crypto.randomUUID();
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(`/v1${path}`, options);
  if (!response.ok) {
    if (response.status === HTTP_NO_TOKEN) dropToken();
    throw new Problem(await response.json(), response.status);
  }
  return response;
}

function withQuery(path, query = {}) {
  const wanted = Object.entries(query).filter(([, value]) => value !== "" && value !== null);
  const text = new URLSearchParams(wanted).toString();
  return text ? `${path}?${text}` : path;
}

export const get = (path, query) => request("GET", withQuery(path, query));
export const post = (path, body = {}) => request("POST", path, body);
export const put = (path, body) => request("PUT", path, body);
export const remove = (path) => request("DELETE", path);

// Where the member is: `#/place/step/…`. Every place remembers where it was, for this tab.

import { signal } from "./ui.js";

const KEPT = "wetalk-places";
const START = "talk";

/** The places, in the order of the bar. */
export const PLACES = ["talk", "market", "trade", "community", "me"];

const remembered = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
const heights = new Map(); // how far each page was scrolled

/** `{place, path, hash}`: the place, the steps after it, and all of it as it stands above. */
export const route = signal(parse());

function parse() {
  const hash = location.hash;
  const [place, ...path] = hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decoded);
  return PLACES.includes(place) ? { place, path, hash } : { place: START, path: [], hash: "" };
}

function decoded(step) {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

/** The address of a page: `href("talk", room)`. */
export function href(place, ...path) {
  return ["#", place, ...path.map((step) => encodeURIComponent(step))].join("/");
}

/** Go to a page; with `replace`, going back skips the page that is left. */
export function go(place, path = [], { replace = false } = {}) {
  const address = href(place, ...path);
  if (replace) location.replace(address);
  else location.hash = address;
}

/** The address of a place as it was left; its first page where the member is in it already. */
export function hrefOfPlace(place) {
  const first = href(place);
  return route.value.place === place ? first : (remembered[place] ?? first);
}

function keepHeight() {
  heights.set(route.peek().hash, scrollY);
}

/** Scroll a page to where it was left, if going back; else to its top. */
export function restoreHeight() {
  scrollTo(0, heights.get(route.peek().hash) ?? 0);
}

addEventListener("scroll", keepHeight, { passive: true });
addEventListener("hashchange", () => {
  if (/^#(token|pair)=/.test(location.hash)) return; // main.js takes these out
  route.value = parse();
  const { place, hash } = route.peek();
  remembered[place] = hash;
  sessionStorage.setItem(KEPT, JSON.stringify(remembered));
});

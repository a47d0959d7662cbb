// The frame around every page: the boat and the news above, the five places, what waits.

import { known, pairing, unborn } from "../base/api.js";
import { Boat } from "../base/boat.js";
import { Dialog } from "../base/dialog.js";
import { Notices, Trouble, useQuietOn } from "../base/notices.js";
import { titles } from "../base/parts.js";
import { PLACES, hrefOfPlace, restoreHeight, route } from "../base/router.js";
import { online, useData } from "../base/store.js";
import { effect, html, signal, useEffect, useLayoutEffect, useRef } from "../base/ui.js";
import { language, t } from "../base/words.js";
import { PlaceSign } from "./icons.js";
import { Locked } from "./locked.js";
import { renewed } from "./offline.js";
import { Pairing } from "./pairing.js";
import { said, waitsAt } from "./waiting.js";

const LOADERS = {
  talk: () => import("../places/talk/index.js"),
  market: () => import("../places/market/index.js"),
  trade: () => import("../places/trade/index.js"),
  community: () => import("../places/community/index.js"),
  me: () => import("../places/me/index.js"),
  first: () => import("../first/index.js"),
  coming: () => import("../first/coming.js"),
};
const loaded = Object.fromEntries(Object.keys(LOADERS).map((part) => [part, signal(null)]));

/** Everything on the screen. */
export function Shell() {
  const skip = (event) => {
    event.preventDefault();
    document.querySelector("main").focus();
  };
  return html`<a class="skip" href="#main" onClick=${skip}>${t("web.skip")}</a>
    <${Inside} />
    <${Notices} />
    <${Dialog} />`;
}

function Inside() {
  const bare = (content) => html`<main id="main" class="bare" tabindex="-1">${content}</main>`;
  if (pairing.value) return bare(html`<${Pairing} />`);
  if (!known.value) return bare(html`<${Locked} />`);
  if (unborn.value) return bare(html`<${Lazy} part="first" />`);
  return html`<${Frame} />`;
}

function Frame() {
  const identity = useData("/identity");
  const bar = useRef(null);
  useEffect(() => {
    const places = bar.current;
    const { style } = document.documentElement;
    const measure = () => style.setProperty("--bar-height", `${places.offsetHeight}px`);
    const observer = new ResizeObserver(measure);
    observer.observe(places);
    return () => observer.disconnect();
  }, []);
  return html`<header>
      <${Boat} width="40" />
      <p class="brand">${t("app.name")}</p>
      <${News} />
    </header>
    <nav class="places" aria-label=${t("web.places")} ref=${bar}>${PLACES.map(placeLink)}</nav>
    <${Bars} />
    <main id="main" tabindex="-1">
      ${identity.value?.restoring && html`<${Lazy} part="coming" />`}
      <${Place} />
    </main>`;
}

function placeLink(place) {
  const current = route.value.place === place ? "page" : null;
  return html`<a key=${place} href=${hrefOfPlace(place)} aria-current=${current}>
    <${PlaceSign} place=${place} /><span>${t(`place.${place}`)}</span>
  </a>`;
}

function News() {
  const status = useData("/status");
  return html`<p class="news" role="status">${status.value?.sync.text}</p>`;
}

/** What the member should know wherever they are. */
function Bars() {
  const status = useData("/status");
  const waiting = (status.value?.next ?? []).filter((hint) => waitsAt(hint.code) !== undefined);
  const reload = () => location.reload();
  return html`<section class="bars" aria-label=${t("web.bars")}>
    <div role="status">
      ${!online.value && html`<p class="bar away">${t("web.away_bar")}</p>`}
      ${renewed.value &&
      html`<p class="bar">
        ${t("web.renewed")} <button type="button" onClick=${reload}>${t("web.reload")}</button>
      </p>`}
    </div>
    ${waiting.map((hint) => {
      const address = waitsAt(hint.code);
      return html`<p class="bar attention" key=${hint.code + hint.text}>
        ${address ? html`<a href=${address}>${said(hint)}</a>` : said(hint)}
      </p>`;
    })}
  </section>`;
}

function Place() {
  const { place, path, hash } = route.value;
  useQuietOn(hash);
  return html`<${Lazy} key=${place} part=${place} path=${path} hash=${hash} />`;
}

let opened = false; // the page that a visit begins with takes the focus from nobody

/** A part of the client that is loaded when it is first shown; `hash`, where it is a place. */
function Lazy({ part, hash, ...rest }) {
  const found = loaded[part];
  const { View, problem } = found.value ?? {};
  useEffect(() => {
    if (found.peek() === null || found.peek().problem) load(part);
  }, []);
  useLayoutEffect(() => {
    if (!View || hash === undefined) return;
    if (opened) arrive();
    opened = true;
  }, [hash, View]);
  if (problem) return html`<${Trouble} problem=${problem} again=${() => load(part)} />`;
  if (!View) return html`<p class="busy" role="status">${t("web.moment")}</p>`;
  return html`<${View} ...${rest} />`;
}

async function load(part) {
  const found = loaded[part];
  try {
    found.value = { View: (await LOADERS[part]()).default };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    found.value = { problem: { title: t("web.away"), message: t("web.away_what_now") } };
  }
}

/** Put readers and keyboards at the head of the page that has been opened. */
function arrive() {
  restoreHeight();
  const headings = [...document.querySelectorAll("main [data-page]")];
  const seen = headings.filter((heading) => heading.offsetParent !== null);
  (seen.at(-1) ?? document.querySelector("main")).focus({ preventScroll: true });
}

effect(() => {
  const title = titles.value.at(-1)?.title;
  document.title = title && known.value ? `${title} · ${t("app.name")}` : t("app.name");
  document.documentElement.lang = language.value;
});

// The frame around every page: the boat and the news above, the five places, what waits.

import { known } from "../base/api.js";
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
import { waitsAt } from "./waiting.js";

const LOADERS = {
  talk: () => import("../places/talk/index.js"),
  market: () => import("../places/market/index.js"),
  trade: () => import("../places/trade/index.js"),
  community: () => import("../places/community/index.js"),
  me: () => import("../places/me/index.js"),
};
const loaded = Object.fromEntries(PLACES.map((place) => [place, signal(null)]));

/** Everything on the screen. */
export function Shell() {
  const skip = (event) => {
    event.preventDefault();
    document.querySelector("main").focus();
  };
  return html`<a class="skip" href="#main" onClick=${skip}>${t("web.skip")}</a>
    ${known.value ? html`<${Frame} />` : html`<main tabindex="-1"><${Locked} /></main>`}
    <${Notices} />
    <${Dialog} />`;
}

function Frame() {
  return html`<header>
      <img src="/boat.svg" alt="" width="40" height="40" />
      <p class="brand">${t("app.name")}</p>
      <${News} />
    </header>
    <nav class="places" aria-label=${t("web.places")}>${PLACES.map(placeLink)}</nav>
    <${Bars} />
    <main id="main" tabindex="-1"><${Place} /></main>`;
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
    ${waiting.map(({ code, text }) => {
      const address = waitsAt(code);
      return html`<p class="bar attention" key=${code + text}>
        ${address ? html`<a href=${address}>${text}</a>` : text}
      </p>`;
    })}
  </section>`;
}

function Place() {
  const { place, path, hash } = route.value;
  const found = loaded[place];
  const first = useRef(true);
  useQuietOn(hash);
  useEffect(() => {
    if (found.peek() === null || found.peek().problem) load(place);
  }, [place]);
  useLayoutEffect(() => {
    if (!found.value || first.current) return void (first.current = first.current && !found.value);
    restoreHeight();
    arrive();
  }, [hash, found.value]);
  if (found.value === null) return html`<p class="busy" role="status">${t("web.moment")}</p>`;
  const { View, problem } = found.value;
  if (problem) return html`<${Trouble} problem=${problem} again=${() => load(place)} />`;
  return html`<${View} key=${place} path=${path} />`;
}

async function load(place) {
  const found = loaded[place];
  try {
    found.value = { View: (await LOADERS[place]()).default };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    found.value = { problem: { title: t("web.away"), message: t("web.away_what_now") } };
  }
}

/** Put readers and keyboards at the head of the page that has been opened. */
function arrive() {
  const headings = [...document.querySelectorAll("main [data-page]")];
  const seen = headings.filter((heading) => heading.offsetParent !== null);
  (seen.at(-1) ?? document.querySelector("main")).focus({ preventScroll: true });
}

effect(() => {
  const title = titles.value.at(-1)?.title;
  document.title = title && known.value ? `${title} · ${t("app.name")}` : t("app.name");
  document.documentElement.lang = language.value;
});

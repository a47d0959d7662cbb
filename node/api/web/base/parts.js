// What pages are put together from.

import { file } from "./api.js";
import { Boat } from "./boat.js";
import { clean, cleanLines, moment, money, when } from "./format.js";
import { ask } from "./dialog.js";
import { Trouble, attempt } from "./notices.js";
import { html, signal, useEffect, useSignal } from "./ui.js";
import { t } from "./words.js";

const PAGE_KEPT_MS = 600000; // it may be read again while it is printed
const LINK = /\bhttps?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}]/gu;

/** Titles of the pages in sight, the outermost first; the window bears the last. */
export const titles = signal([]);

/**
 * A page with its heading. `title` names it in the window, too; `back` is the address of the page
 * above it. Give a title at once, even before anything was loaded: it is what readers land on.
 */
export function Page({ title, back, backText, wide, children }) {
  useEffect(() => {
    const mine = { title };
    titles.value = [...titles.peek(), mine];
    return () => (titles.value = titles.peek().filter((one) => one !== mine));
  }, [title]);
  return html`<div class=${wide ? "page wide" : "page"}>
    ${back && html`<p class="back"><a href=${back}>← ${backText ?? t("action.back")}</a></p>`}
    <h1 tabindex="-1" data-page>${title}</h1>
    ${children}
  </div>`;
}

/**
 * A list with the page of what is chosen: beside each other where there is room, else one of them.
 * `detail` is null while nothing is chosen.
 */
export function Split({ list, detail }) {
  return html`<div class=${detail ? "split open" : "split"}>
    <div class="list">${list}</div>
    <div class="detail">${detail ?? html`<${Empty} text=${t("web.choose_one")} />`}</div>
  </div>`;
}

/** A card, with a heading or without. */
export function Card({ title, class: kind = "", children, ...rest }) {
  return html`<section class=${`card ${kind}`} ...${rest}>
    ${title && html`<h2>${title}</h2>`} ${children}
  </section>`;
}

/** What an answer of the node shows: `children` is a function of its value. */
export function Loaded({ of, children }) {
  if (of.value !== undefined) return children(of.value);
  if (of.problem) return html`<${Trouble} problem=${of.problem} again=${() => of.load()} />`;
  return html`<p class="busy" role="status">${t("web.moment")}</p>`;
}

/** Nothing there yet: the boat, a sentence, and what could be done (children). */
export function Empty({ text, children }) {
  return html`<div class="empty">
    <${Boat} width="72" />
    <p>${text}</p>
    ${children}
  </div>`;
}

/** A list of `items`, each drawn by `children`; a sentence where there are none. */
export function List({ items, empty, label, children }) {
  if (!items.length) return html`<${Empty} text=${empty} />`;
  return html`<ul class="list-plain" aria-label=${label}>
    ${items.map(children)}
  </ul>`;
}

/** Below a paged list: the way to older ones. */
export function More({ of, text }) {
  if (!of.value?.next) return null;
  return html`<button type="button" disabled=${of.busy} onClick=${() => of.more()}>
    ${text ?? t("web.older")}
  </button>`;
}

/** A button that does something, busy meanwhile; a refusal is shown as a notice. */
export function Button({ work, class: kind, children, ...rest }) {
  const busy = useSignal(false);
  const click = async () => {
    if (busy.peek()) return;
    busy.value = true;
    await attempt(work).finally(() => (busy.value = false));
  };
  return html`<button
    type="button"
    class=${kind}
    aria-disabled=${busy.value}
    aria-busy=${busy.value}
    onClick=${click}
    ...${rest}
  >
    ${children}
  </button>`;
}

/** How a member is called here; `who` is `{id, name}`. With `id`, the start of their number too. */
export function Name({ who, id }) {
  return html`<bdi>${clean(who.name)}</bdi>${id &&
  html` <span class="soft number">${who.id.slice(0, 8)}</span>`}`;
}

/** An amount with its unit. */
export function Money({ units, decimals, unit, class: kind = "amount" }) {
  return html`<span class=${kind}>${money(units, decimals, unit)}</span>`;
}

/** How long ago; the full time for whoever asks. */
export function Time({ iso }) {
  return html`<time datetime=${iso} title=${moment(iso)}>${when(iso)}</time>`;
}

/** Text that somebody wrote, with its lines; addresses in it open after a warning. */
export function Written({ text, lang, class: kind = "text" }) {
  return html`<p class=${kind} lang=${lang} dir="auto">${linked(cleanLines(text))}</p>`;
}

function linked(text) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    parts.push(text.slice(from, found.index), html`<${Outside} address=${found[0]} />`);
    from = found.index + found[0].length;
  }
  return [...parts, text.slice(from)];
}

function Outside({ address }) {
  const open = async (event) => {
    event.preventDefault();
    const { host, href } = new URL(address, location.href);
    const text = t("web.leaving_means");
    const sure = await ask({ title: t("web.leaving", { host }), text, yes: t("web.leave") });
    if (sure) window.open(href, "_blank", "noopener,noreferrer");
  };
  return html`<a href=${address} rel="noopener noreferrer nofollow" onClick=${open}>${address}</a>`;
}

/** A code to scan, drawn by the node: `code` is `{size, path}`. */
export function Code({ code, label }) {
  const box = `0 0 ${code.size} ${code.size}`;
  return html`<svg class="code" viewBox=${box} role="img" aria-label=${label}
    shape-rendering="crispEdges">
    <rect width=${code.size} height=${code.size} fill="#fff" />
    <path d=${code.path} stroke="#000" />
  </svg>`;
}

/** Text to hand on, with a button that copies it. */
export function Copyable({ text }) {
  const copied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    copied.value = true;
  };
  return html`<p class="link">${text}</p>
    <${Button} work=${copy}>${t(copied.value ? "web.copied" : "web.copy")}<//>`;
}

/** Have the browser keep a file among the member's own. */
export function saved(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), PAGE_KEPT_MS);
}

/** Opens a page of its own for the browser to print: `path` gives it as a file. */
export async function printed(path, query) {
  const sheet = window.open("", "_blank"); // at once: later the browser may refuse
  const done = await attempt(async () => {
    const page = URL.createObjectURL(await file(path, query));
    setTimeout(() => URL.revokeObjectURL(page), PAGE_KEPT_MS);
    if (sheet === null) await ask({ title: t("web.window_refused"), yes: t("web.close") });
    else sheet.location.replace(page);
  });
  if (!done) sheet?.close();
}


// The neighbours of this node: a picture of who is connected, and the same in words.

import { number, when } from "../../base/format.js";
import { Card, List, Loaded, Page } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { around } from "./circle.js";

const SIZE = 320;
const RADIUS = 110;
const DOT = 12;
const SHOWN_MAX_COUNT = 24;
const SECOND_MS = 1000;

/** The page of neighbours. */
export function Neighbours() {
  const peers = useData("/peers");
  const title = t("web.neighbours");
  return html`<${Page} title=${title} back=${href("community")} backText=${t("place.community")}>
    <${Loaded} of=${peers}>
      ${({ text, items }) => html`<${Card}>
        <p>${text}</p>
        ${items.length > 0 && html`<${Map} items=${items} label=${text} />`}
        <${List} items=${items} empty=${t("neighbours.none")}>
          ${(one) => html`<li key=${one.peer}>
            <p class="strong"><bdi>${one.host}</bdi></p>
            <p class="soft">
              ${t(one.in_sync ? "web.in_sync" : "web.syncing")} ·${" "}
              ${t("neighbours.since", { when: since(one) })}
            </p>
            <p class="soft">${t("neighbours.received", { count: number(one.records_in) })}</p>
          </li>`}
        <//>
      <//>`}
    <//>
  <//>`;
}

function since({ since_s: seconds }) {
  return when(new Date(Date.now() - seconds * SECOND_MS).toISOString());
}

/** This computer in the middle; a line to each neighbour, dotted while one of them catches up. */
function Map({ items, label }) {
  const shown = items.slice(0, SHOWN_MAX_COUNT);
  const places = around(shown.length, SIZE / 2, RADIUS);
  const middle = SIZE / 2;
  return html`<svg class="picture" viewBox=${`0 0 ${SIZE} ${SIZE}`} role="img" aria-label=${label}>
    ${shown.map((one, at) => {
      const [x, y] = places[at];
      const line = `M${middle} ${middle}L${x} ${y}`;
      return html`<g key=${one.peer}>
        <path class=${one.in_sync ? "tie" : "tie dotted"} d=${line} />
        <circle class="other" cx=${x} cy=${y} r=${DOT} />
      </g>`;
    })}
    <circle class="own" cx=${middle} cy=${middle} r=${DOT * 1.5} />
  </svg>`;
}

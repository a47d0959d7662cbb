// Who trades with whom in a chapter: a small web of names, and the same as a list.

import { clean, money, month, number } from "../../base/format.js";
import { Card, List, Loaded, Name, Page } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { around } from "./circle.js";

const SIZE = 440;
const RADIUS = 150;
const DOT = 8;
const NAME_AWAY = 18; // of a name from its dot
const PEOPLE_MAX_COUNT = 16; // in the picture; the list has more
const LISTED_MAX_COUNT = 100;
const NAME_MAX_CHARACTERS = 12;
const LINE_MAX = 8;

/** The page of a chapter's ties. */
export function Ties({ chapter }) {
  const ties = useData("/ledger/ties", { chapter });
  const title = t("ties.title");
  return html`<${Page} title=${title} back=${href("community")} backText=${t("place.community")}>
    <${Loaded} of=${ties}>
      ${(told) => html`<${Card}>
          <p>${t("ties.about")}</p>
          ${told.items.length > 0 && html`<${Web} ties=${told.items} />`}
          <${List} items=${told.items.slice(0, LISTED_MAX_COUNT)} empty=${t("ties.none")}>
            ${({ one, other, trades }) => html`<li class="row between" key=${one.id + other.id}>
              <span><${Name} who=${one} /> – <${Name} who=${other} /></span>
              <span class="number">${t("ties.count", { count: number(trades) })}</span>
            </li>`}
          <//>
        <//>
        <${Months} told=${told} />`}
    <//>
  <//>`;
}

/** The members of the strongest ties, as many as a picture bears: their ids and names. */
export function peopleOf(ties) {
  const people = new Map();
  for (const { one, other } of ties) {
    for (const who of [one, other]) {
      if (people.size < PEOPLE_MAX_COUNT) people.set(who.id, who.name);
    }
  }
  return people;
}

function Web({ ties }) {
  const people = peopleOf(ties);
  const middle = SIZE / 2;
  const places = around(people.size, middle, RADIUS);
  const placeOf = new Map([...people.keys()].map((id, at) => [id, places[at]]));
  const most = ties[0].trades;
  return html`<svg
    class="picture"
    viewBox=${`0 0 ${SIZE} ${SIZE}`}
    role="img"
    aria-label=${t("ties.title")}
  >
    ${ties.map(({ one, other, trades }) => {
      const [from, to] = [placeOf.get(one.id), placeOf.get(other.id)];
      if (!from || !to) return null;
      const width = 1 + ((LINE_MAX - 1) * trades) / most;
      const line = `M${from.join(" ")}L${to.join(" ")}`;
      return html`<path key=${one.id + other.id} class="tie" d=${line} stroke-width=${width} />`;
    })}
    ${[...placeOf].map(([id, [x, y]]) => {
      const away = y >= middle ? NAME_AWAY + DOT : DOT - NAME_AWAY;
      const name = clean(people.get(id)).slice(0, NAME_MAX_CHARACTERS);
      return html`<g key=${id}>
        <circle class="other" cx=${x} cy=${y} r=${DOT} />
        <text x=${x} y=${y + away} text-anchor="middle">${name}</text>
      </g>`;
    })}
  </svg>`;
}

/** How much each month saw, as bars with their numbers; the newest first. */
function Months({ told }) {
  const { months, decimals, unit_name: unit } = told;
  if (!months.length) return null;
  const most = Math.max(...months.map(({ trades }) => trades));
  return html`<${Card} title=${t("ties.months")}>
    <ul class="list-plain">
      ${months.toReversed().map(
        ({ month: name, trades, volume }) => html`<li key=${name}>
          <p class="row between">
            <span>${month(name)}</span>
            <span class="number">
              ${t("ties.count", { count: number(trades) })} · ${money(volume, decimals, unit)}
            </span>
          </p>
          <meter min="0" max=${most} value=${trades} aria-label=${month(name)}></meter>
        </li>`
      )}
    </ul>
  <//>`;
}

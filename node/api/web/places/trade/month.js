// A month: what came and went between its first balance and its last, to read and to print.

import { amount, clean, day, money, month as named } from "../../base/format.js";
import { Button, Card, List, Loaded, Name, Page, printed } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

const WRITTEN = /^\d{4}-\d{2}$/;
const MONTH_CHARACTERS = 7;

/** The page of a month, such as 2026-09; without one, of this month. */
export function Month({ month: asked }) {
  const current = written(new Date());
  const month = WRITTEN.test(asked ?? "") ? asked : current;
  const statement = useData("/statements", { month });
  const print = () => printed("/statements", { month, format: "html", order: true });
  const title = t("trading.month_of", { month: named(month) });
  return html`<${Page} title=${title} back=${href("trade")} backText=${t("place.trade")}>
    <nav class="row between" aria-label=${t("trading.months")}>
      <a href=${href("trade", "month", shifted(month, -1))}>← ${named(shifted(month, -1))}</a>
      ${month < current &&
      html`<a href=${href("trade", "month", shifted(month, 1))}>${named(shifted(month, 1))} →</a>`}
    </nav>
    <${Loaded} of=${statement}>
      ${(value) => html`<${Card}>
        <${Sums} value=${value} />
        <${Movements} items=${value.movements} value=${value} />
        ${value.others.length > 0 &&
        html`<h2>${t("trading.other_units")}</h2>
          <${Movements} items=${value.others} />`}
        <p class="soft">${value.level}: ${value.level_text}. ${value.level_means}</p>
        <${Button} work=${print}>${t("web.print")}<//>
      <//>`}
    <//>
  <//>`;
}

function Sums({ value }) {
  const shown = (units) => money(units, value.decimals, value.unit_name);
  return html`<dl class="facts">
    <dt>${t("trading.opening")}</dt>
    <dd class="amount">${shown(value.opening)}</dd>
    <dt>${t("trading.closing")}</dt>
    <dd class="amount strong">${shown(value.closing)}</dd>
  </dl>`;
}

/** Lines of a month; those in other units bear their own, else those of the statement are meant. */
function Movements({ items, value }) {
  return html`<${List} items=${items} empty=${t("trading.nothing_moved")}>
    ${(one) => {
      const { decimals, unit_name: unit } = value ?? one;
      const sign = one.amount > 0 ? "+" : "";
      return html`<li key=${one.trade}>
        <a class="entry" href=${href("trade", one.trade)}>
          <p class="row between">
            <${Name} who=${one.partner} />
            <span class="amount">${sign}${amount(one.amount, decimals)} ${clean(unit)}</span>
          </p>
          <p class="soft">${day(one.time)}${one.for && html` · <bdi>${clean(one.for)}</bdi>`}</p>
        </a>
      </li>`;
    }}
  <//>`;
}

function written(date) {
  return date.toISOString().slice(0, MONTH_CHARACTERS);
}

/** The month `by` months later. */
export function shifted(month, by) {
  const [year, number] = month.split("-").map(Number);
  return written(new Date(Date.UTC(year, number - 1 + by)));
}

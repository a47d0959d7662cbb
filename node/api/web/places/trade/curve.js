// The balance over the last months as one gentle line around zero; below zero is not red.

import { day, money } from "../../base/format.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

const WIDTH = 600;
const HEIGHT = 140;
const MARGIN = 8;
const MONTHS = 3;
const MONTH_CHARACTERS = 7;

/** The line of the last three months; nothing while nothing has moved. `mine` is GET /balance. */
export function Curve({ mine }) {
  const months = lastMonths(new Date()).map((month) => useData("/statements", { month }));
  if (!months.every((one) => one.value)) return null;
  const points = pointsOf(months.map((one) => one.value));
  if (points.length < 2) return null;
  const { line, zero } = drawn(points);
  const shown = (units) => money(units, mine.decimals, mine.unit_name);
  const [first, last] = [points[0], points.at(-1)];
  const label = t("trading.curve", {
    from: day(new Date(first.time).toISOString()),
    first: shown(first.balance),
    last: shown(last.balance),
  });
  return html`<figure class="curve">
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${label}>
      <path class="zero" d=${`M0 ${zero}H${WIDTH}`} />
      <path class="line" d=${line} />
    </svg>
    <figcaption class="soft">${label}</figcaption>
  </figure>`;
}

/** The last months up to that of `date`, as the API writes them, the oldest first. */
export function lastMonths(date) {
  return Array.from({ length: MONTHS }, (_, n) => {
    const first = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - (MONTHS - 1 - n));
    return new Date(first).toISOString().slice(0, MONTH_CHARACTERS);
  });
}

/** `{time, balance}` before the first movement and after each of them. */
export function pointsOf(statements) {
  const moved = statements.flatMap(({ movements }) => movements);
  if (!moved.length) return [];
  const points = [{ time: Date.parse(moved[0].time), balance: statements[0].opening }];
  for (const { time, amount } of moved) {
    points.push({ time: Date.parse(time), balance: points.at(-1).balance + amount });
  }
  return [...points, { time: Date.now(), balance: points.at(-1).balance }];
}

/** The steps of a balance as a path, and how far down zero is. */
export function drawn(points) {
  const balances = points.map(({ balance }) => balance);
  const [low, high] = [Math.min(0, ...balances), Math.max(0, ...balances)];
  const from = points[0].time;
  const x = ({ time }) => round(((time - from) / (points.at(-1).time - from || 1)) * WIDTH);
  const y = (balance) =>
    round(MARGIN + ((high - balance) / (high - low || 1)) * (HEIGHT - 2 * MARGIN));
  const [first, ...rest] = points;
  const steps = rest.map((point) => `H${x(point)}V${y(point.balance)}`);
  return { line: `M0 ${y(first.balance)}${steps.join("")}`, zero: y(0) };
}

function round(value) {
  return Math.round(value * 10) / 10;
}

// Amounts, times and names of others, as people of each language write and read them.

import { signal } from "./ui.js";
import { language } from "./words.js";

const MINUTE_MS = 60000;
const HOUR_MINUTES = 60;
const DAY_MINUTES = 24 * HOUR_MINUTES;
const WEEK_MINUTES = 7 * DAY_MINUTES;
const TYPED = /^(\d{1,13})(?:[.,](\d+))?$/;

/** Moves once a minute, so that "two minutes ago" stays true on the screen. */
export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), MINUTE_MS);

/** Minor units as people write them; exact, for the number never passes through a fraction. */
export function amount(units, decimals) {
  const digits = String(Math.abs(units)).padStart(decimals + 1, "0");
  const whole = BigInt(digits.slice(0, digits.length - decimals));
  const grouped = new Intl.NumberFormat(language.value).format(whole);
  const part = decimals ? point() + digits.slice(-decimals) : "";
  return `${units < 0 ? "−" : ""}${grouped}${part}`;
}

function point() {
  const parts = new Intl.NumberFormat(language.value).formatToParts(0.5);
  return parts.find((part) => part.type === "decimal").value;
}

/** An amount with the name of its unit. */
export function money(units, decimals, unit) {
  return `${amount(units, decimals)} ${clean(unit)}`;
}

/** Minor units of what was typed, or null if it is no amount above zero with these decimals. */
export function units(typed, decimals) {
  const found = TYPED.exec(typed.normalize("NFKC").trim());
  if (!found || (found[2] ?? "").length > decimals) return null;
  const all = Number(found[1] + (found[2] ?? "").padEnd(decimals, "0"));
  return all > 0 ? all : null;
}

/** A plain number, grouped. */
export function number(value, options) {
  return new Intl.NumberFormat(language.value, options).format(value);
}

/** A time as people say it: how long ago, or the day. */
export function when(iso) {
  const minutes = Math.round((new Date(iso) - now.value) / MINUTE_MS);
  const relative = new Intl.RelativeTimeFormat(language.value, { numeric: "auto" });
  if (minutes >= 0) return relative.format(0, "second");
  if (minutes > -HOUR_MINUTES) return relative.format(minutes, "minute");
  if (minutes > -DAY_MINUTES) return relative.format(Math.round(minutes / HOUR_MINUTES), "hour");
  if (minutes > -WEEK_MINUTES) return relative.format(Math.round(minutes / DAY_MINUTES), "day");
  return day(iso);
}

/** The day of a time. */
export function day(iso) {
  return new Intl.DateTimeFormat(language.value, { dateStyle: "medium" }).format(new Date(iso));
}

/** Day and minute of a time, in full. */
export function moment(iso) {
  const style = { dateStyle: "full", timeStyle: "short" };
  return new Intl.DateTimeFormat(language.value, style).format(new Date(iso));
}

/** A month such as 2026-09, in words. */
export function month(written) {
  const style = { year: "numeric", month: "long", timeZone: "UTC" };
  return new Intl.DateTimeFormat(language.value, style).format(new Date(`${written}-01T00:00Z`));
}

// Controls, bidirectional marks, zero-width letters, halves of pairs, letters that look like
// nothing: what could hide or reorder what stands beside. `clean_for_display` of the node is the
// same rule; a joiner stays where it holds an emoji together.
const DECEIVING = /[\p{Cc}\p{Cf}\p{Cs}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]/gu;
const JOINED = /([\p{So}\p{Sk}]\ufe0f*)\u200d(?=[\p{So}\p{Sk}])/gu;
const LINE_END = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/gu;

/** Text of others on one line (names, titles), without what could deceive. */
export function clean(text) {
  return cleaned(text, " ");
}

/** Text of others with its lines, without what could deceive. */
export function cleanLines(text) {
  return cleaned(text, "\n");
}

function cleaned(text, end) {
  return String(text).split(LINE_END).map(cleanedLine).join(end);
}

function cleanedLine(line) {
  const pieces = line.replaceAll("\t", " ").replaceAll("\u0001", "").replace(JOINED, "$1\u0001");
  return pieces.split("\u0001").map((piece) => piece.replace(DECEIVING, "")).join("\u200d");
}

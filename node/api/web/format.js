// Words, amounts and times in the reader's language.

const KEPT = "wetalk-language";
export const LANGUAGES = { ko: "한국어", zh: "中文", en: "English" };

let texts = {};

/** The language chosen here, else the browser's, else Korean. */
export function language() {
  const asked = [localStorage.getItem(KEPT), ...navigator.languages, "ko"];
  return asked.map((tag) => (tag ?? "").slice(0, 2)).find((tag) => tag in LANGUAGES);
}

/** Load the texts of a language, and remember it. */
export async function speak(chosen) {
  const response = await fetch(`/web/text/${chosen}.json`);
  texts = await response.json();
  document.documentElement.lang = chosen;
  localStorage.setItem(KEPT, chosen);
}

/** The sentence of a key, with values in its braces. */
export function t(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** Minor units as people write them; exact, for they never pass through a fraction. */
export function amount(units, decimals) {
  const digits = String(Math.abs(units)).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  const part = decimals ? `.${digits.slice(-decimals)}` : "";
  return `${units < 0 ? "−" : ""}${grouped}${part}`;
}

/** Minor units of what was typed, or null if it is no amount above zero. */
export function units(typed, decimals) {
  const found = /^(\d{1,13})(?:[.,](\d+))?$/.exec(typed.normalize("NFKC").trim());
  if (!found || (found[2] ?? "").length > decimals) return null;
  const all = Number(found[1] + (found[2] ?? "").padEnd(decimals, "0"));
  return all > 0 ? all : null;
}

/** A time as people say it: how long ago, or the day. */
export function when(iso) {
  const time = new Date(iso);
  const minutes = Math.round((time - Date.now()) / 60000);
  const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
  if (minutes >= 0) return relative.format(0, "second");
  if (minutes > -60) return relative.format(minutes, "minute");
  if (minutes > -24 * 60) return relative.format(Math.round(minutes / 60), "hour");
  const day = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium" });
  return day.format(time);
}

// Controls, bidirectional marks, zero-width letters: what could hide or reorder what stands beside.
const DECEIVING = /[\p{Cc}\p{Cf}\u115f\u1160\u3164\uffa0\u2800]/gu;

/** Text of others on one line, without what could deceive. */
export function clean(text) {
  return text.replace(/\s+/gu, " ").replace(DECEIVING, "");
}

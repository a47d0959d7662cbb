// The sentences of the catalogue in the language chosen; a change shows at once, everywhere.

import { signal } from "./ui.js";

export const LANGUAGES = { ko: "한국어", zh: "中文", en: "English" };
const KEPT = "wetalk-language";
const FALLBACK = "ko";

/** The language shown now; read while drawing, so that what was drawn is drawn anew. */
export const language = signal(FALLBACK);
const texts = signal({});

/** The language chosen here before, else the browser's, else Korean. */
export function preferred() {
  const asked = [localStorage.getItem(KEPT), ...navigator.languages, FALLBACK];
  return asked.map((tag) => (tag ?? "").slice(0, 2)).find((tag) => tag in LANGUAGES);
}

/** Speak a language from now on, and remember it on this device. */
export async function speak(chosen) {
  const response = await fetch(new URL(`../text/${chosen}.json`, import.meta.url));
  texts.value = await response.json();
  language.value = chosen;
  document.documentElement.lang = chosen;
  localStorage.setItem(KEPT, chosen);
}

/** The sentence of a key, with values in its braces. An unknown key shows itself. */
export function t(key, values = {}) {
  const text = texts.value[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

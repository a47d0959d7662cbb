// The sentences of the catalogue in the language chosen; a change shows at once, everywhere.

import { signal } from "./ui.js";

export const LANGUAGES = { ko: "한국어", zh: "中文", en: "English" };
const KEPT = "wetalk-language";
const FALLBACK = "ko";

/** The language shown now; read while drawing, so that what was drawn is drawn anew. */
const TRIES_COUNT = 4;
const AGAIN_MS = 500;
export const language = signal(FALLBACK);
const texts = signal({});

/** The language chosen here before, else the browser's, else Korean. */
export function preferred() {
  const asked = [localStorage.getItem(KEPT), ...navigator.languages, FALLBACK];
  return asked.map((tag) => (tag ?? "").slice(0, 2)).find((tag) => tag in LANGUAGES);
}

/**
 * Speak a language from now on, and remember it on this device. A node that begins anew is waited
 * for a little. Raises TypeError where nobody answers.
 */
export async function speak(chosen) {
  texts.value = await sentences(new URL(`../text/${chosen}.json`, import.meta.url), TRIES_COUNT);
  language.value = chosen;
  document.documentElement.lang = chosen;
  localStorage.setItem(KEPT, chosen);
}

async function sentences(address, tries) {
  try {
    return await (await fetch(address)).json();
  } catch (error) {
    if (tries <= 1 || !(error instanceof TypeError)) throw error;
  }
  await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  return sentences(address, tries - 1);
}

/** The sentence of a key, with values in its braces. An unknown key shows itself. */
export function t(key, values = {}) {
  const text = texts.value[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

// What is said to the member in passing: news, refusals, and the chance to undo.

import { Problem } from "./api.js";
import { html, signal, useEffect } from "./ui.js";
import { t } from "./words.js";

const NEWS_MS = 8000;
const UNDO_MS = 7000;

const news = signal(""); // read aloud when the reader pauses
const refusal = signal(null); // a Problem, read aloud at once; stays until something is done
const waiting = signal(null); // {text, work, undo}: done when its time is over
let newsTimer = 0;
let undoTimer = 0;

/** Show a sentence for a while. */
export function say(text) {
  news.value = text;
  clearTimeout(newsTimer);
  newsTimer = setTimeout(() => (news.value = ""), NEWS_MS);
}

/** Do something for the member; a refusal is shown. False if it was refused. */
export async function attempt(work) {
  try {
    refusal.value = null;
    await work();
    return true;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    refusal.value = problem;
    return false;
  }
}

/**
 * Do `work` in a moment, unless the member takes it back; `undo` then restores what was shown. Only
 * one thing waits at a time: the one before is done first. `work` gets the options of a request,
 * for it may have to outlive the page.
 */
export function undoable(text, work, undo = () => {}) {
  finish();
  waiting.value = { text, work, undo };
  undoTimer = setTimeout(finish, UNDO_MS);
}

/** Do at once what waits. */
export function finish(options) {
  const one = waiting.peek();
  if (one === null) return;
  clearTimeout(undoTimer);
  waiting.value = null;
  attempt(() => one.work(options)).then((done) => done || one.undo());
}

function takeBack() {
  clearTimeout(undoTimer);
  const { undo } = waiting.peek();
  waiting.value = null;
  undo();
  say(t("web.undone"));
}

addEventListener("pagehide", () => finish({ keepalive: true }));

/** The places where all of this is shown; part of the shell, once. */
export function Notices() {
  return html`<div class="notices">
    <div role="alert">
      ${refusal.value &&
      html`<div class="notice attention-box">
        <${Told} problem=${refusal.value} />
        <button type="button" class="plain" onClick=${() => (refusal.value = null)}>
          ${t("web.close")}
        </button>
      </div>`}
    </div>
    <div role="status">
      ${news.value && html`<p class="notice">${news.value}</p>`}
      ${waiting.value &&
      html`<div class="notice row">
        <span class="grow">${waiting.value.text}</span>
        <button type="button" onClick=${takeBack}>${t("web.undo")}</button>
      </div>`}
    </div>
  </div>`;
}

/** A refusal in words: what happened, and why and what now. */
export function Told({ problem }) {
  return html`<div>
    ${problem.title && html`<p class="strong">${problem.title}</p>`}
    <p>${problem.message}</p>
  </div>`;
}

/** A refusal in place of what was asked for, with a way to try again. */
export function Trouble({ problem, again }) {
  return html`<div class="trouble" role="alert">
    <${Told} problem=${problem} />
    ${again && html`<button type="button" onClick=${again}>${t("action.retry")}</button>`}
  </div>`;
}

/** Let refusals of a page before go when another is shown. */
export function useQuietOn(key) {
  useEffect(() => {
    refusal.value = null;
  }, [key]);
}

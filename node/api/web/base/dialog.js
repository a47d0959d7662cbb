// One question at a time, over the page: the browser's own modal dialog.

import { html, signal, useEffect, useId, useRef } from "./ui.js";
import { t } from "./words.js";

const asked = signal(null);

/**
 * Ask the member; true for yes. `title` is the question, `text` (a sentence, or markup) what
 * follows from it, `yes` names what will be done, `grave` marks what cannot be undone.
 */
export function ask({ title, text = null, yes = t("word.yes"), no = t("action.cancel"), grave }) {
  asked.peek()?.answer(false);
  return new Promise((resolve) => {
    const answer = (given) => {
      asked.value = null;
      resolve(given);
    };
    asked.value = { title, text, yes, no, grave, answer };
  });
}

/**
 * Show something over the page until it is closed. `content` is a function that gets `close` and
 * gives markup.
 */
export function show(title, content) {
  asked.peek()?.answer(false);
  return new Promise((resolve) => {
    const answer = (given) => {
      asked.value = null;
      resolve(given);
    };
    asked.value = { title, content, answer };
  });
}

/** Where questions appear; part of the shell, once. */
export function Dialog() {
  const one = asked.value;
  return one && html`<${Open} key=${one.answer} one=${one} />`;
}

function Open({ one }) {
  const { title, text, yes, no, grave, content, answer } = one;
  const box = useRef(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    box.current.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  const cancelled = (event) => {
    event.preventDefault();
    answer(false);
  };
  const close = () => answer(false);
  return html`<dialog ref=${box} onCancel=${cancelled} aria-labelledby=${id}>
    <h2 id=${id}>${title}</h2>
    ${content
      ? html`${content(answer)}
          <div class="row end">
            <button type="button" onClick=${close}>${t("web.close")}</button>
          </div>`
      : html`${typeof text === "string" ? html`<p class="lines">${text}</p>` : text}
          <div class="row end">
            <button type="button" onClick=${close} autofocus>${no}</button>
            <button
              type="button"
              class=${grave ? "main grave" : "main"}
              onClick=${() => answer(true)}
            >
              ${yes}
            </button>
          </div>`}
  </dialog>`;
}

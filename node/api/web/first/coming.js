// The records of a member who comes back, as they come in; then the words speak for them again.

import { post } from "../base/api.js";
import { Area, Form, Submit } from "../base/forms.js";
import { money, number } from "../base/format.js";
import { say } from "../base/notices.js";
import { Card } from "../base/parts.js";
import { renew, useData } from "../base/store.js";
import { html, signal, useEffect } from "../base/ui.js";
import { t } from "../base/words.js";
import { untilStarted } from "./starting.js";

const LOOK_MS = 1000;
const TRIES_COUNT = 15;
const NOT_YET = "restore-not-ready";

/** The words as typed at the start, in this tab's memory until they were used. */
export const comingBack = signal(null);

/** Above every page while the records come in. */
export default function Coming() {
  const status = useData("/status");
  const balance = useData("/balance");
  useEffect(() => {
    const timer = setInterval(() => {
      status.renew();
      balance.renew();
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  const here = (status.value?.sync.in_sync ?? 0) > 0;
  const finish = async ({ words }) => {
    const { started } = status.value;
    await restore(comingBack.peek() ?? words);
    comingBack.value = null;
    await untilStarted(started);
    say(t("first_run.coming_done"));
    renew();
  };
  return html`<${Card} title=${t("first_run.coming")}>
    <p>${t("first_run.coming_count", { count: number(status.value?.records ?? 0) })}</p>
    ${balance.value &&
    html`<p class="big">
      ${money(balance.value.book, balance.value.decimals, balance.value.unit_name)}
    </p>`}
    <p role="status">${t(here ? "first_run.coming_here" : "first_run.coming_wait")}</p>
    ${here &&
    html`<${Form} send=${finish} keeps>
      ${comingBack.value === null &&
      html`<${Area}
        label=${t("first_run.coming_words")}
        name="words"
        rows="5"
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
      />`}
      <${Submit}>${t("first_run.coming_finish")}<//>
    <//>`}
  <//>`;
}

/** Once a neighbour says that all is here, the node notes it within a second or two. */
async function restore(words) {
  for (let left = TRIES_COUNT; ; left -= 1) {
    try {
      return await post("/identity/restore", { words });
    } catch (problem) {
      if (problem.code !== NOT_YET || left === 0) throw problem;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

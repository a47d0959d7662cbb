// One post, wherever it stands: who, when, what, and what can be done with it.

import { put, remove } from "../../base/api.js";
import { show } from "../../base/dialog.js";
import { Area, Form, Submit } from "../../base/forms.js";
import { undoable } from "../../base/notices.js";
import { Name, Time, Written } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { html, signal } from "../../base/ui.js";
import { t } from "../../base/words.js";

/** What the node takes at most. */
export const TEXT_MAX_CHARACTERS = 5000;

const erasing = signal(new Set()); // ids of posts that are on their way out; undone, they return

/**
 * A post as it stands in a list. `renew` loads what it stands in anew; `alone`: its replies are on
 * the same page, so nothing leads to them; `within`: the post it is shown below, if that is so;
 * `leave` is called when it is being erased.
 */
export function Post({ item, renew, alone, within, leave }) {
  if (erasing.value.has(item.id)) return null;
  const erase = () => {
    erasing.value = new Set([...erasing.peek(), item.id]);
    leave?.();
    const back = () => {
      erasing.value = new Set([...erasing.peek()].filter((id) => id !== item.id));
    };
    undoable(t("web.post_erased"), (options) => remove(`/posts/${item.id}`, options), back);
  };
  return html`<li class="post">
    ${item.reply_to && item.reply_to !== within && html`<${Answered} item=${item} />`}
    <p class="soft">
      <${Name} who=${item.author} /> · <${Time} iso=${item.time} />
      ${item.edited && ` · ${t("web.edited")}`}
    </p>
    <${Written} text=${item.text} lang=${item.language} />
    <div class="row">
      ${!alone && html`<a href=${href("talk", item.room, item.id)}>${replies(item)}</a>`}
      ${item.mine &&
      html`<button type="button" class="plain" onClick=${() => edit(item, renew)}>
          ${t("action.edit")}</button
        ><button type="button" class="plain" onClick=${erase}>${t("action.delete")}</button>`}
    </div>
  </li>`;
}

function Answered({ item }) {
  return html`<p class="soft">
    <a href=${href("talk", item.room, item.reply_to)}>↪ ${t("talking.is_reply")}</a>
  </p>`;
}

function replies({ reply_count: count }) {
  if (!count) return t("talking.reply");
  return count === 1 ? t("talking.one_reply") : t("talking.replies", { count });
}

function edit(item, renew) {
  show(t("talking.edit"), (close) => {
    const send = async ({ text }) => {
      await put(`/posts/${item.id}`, { text });
      close();
      renew();
    };
    return html`<${Form} send=${send} keeps>
      <${Area}
        label=${t("web.say")}
        name="text"
        value=${item.text}
        maxlength=${TEXT_MAX_CHARACTERS}
      />
      <${Submit}>${t("action.save")}<//>
    <//>`;
  });
}

// One room: what was said in it, newest first, and the place to say something.

import { post, remove } from "../../base/api.js";
import { Area, Form, Submit } from "../../base/forms.js";
import { clean } from "../../base/format.js";
import { undoable } from "../../base/notices.js";
import { Card, List, Loaded, More, Name, Page, Time, Written } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { usePages } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { language, t } from "../../base/words.js";

const TEXT_MAX_CHARACTERS = 5000;

/** The page of a room. */
export function Room({ room }) {
  const posts = usePages("/posts", { room });
  const send = ({ text }) => post("/posts", { room, text, language: language.peek() });
  return html`<${Page} title=${clean(room)} back=${href("talk")} backText=${t("place.talk")}>
    <${Card}>
      <${Form} send=${send} draft=${`talk/${room}`}>
        <${Area} label=${t("web.say")} name="text" maxlength=${TEXT_MAX_CHARACTERS} />
        <${Submit}>${t("action.send")}<//>
      <//>
    <//>
    <${Card}>
      <${Loaded} of=${posts}>
        ${({ items }) => html`<${List} items=${items} empty=${t("web.no_posts")}>
            ${(item) => html`<${Post} key=${item.id} item=${item} posts=${posts} />`}
          <//>
          <${More} of=${posts} />`}
      <//>
    <//>
  <//>`;
}

function Post({ item, posts }) {
  const erase = () => {
    const before = posts.value;
    posts.show({ ...before, items: before.items.filter((one) => one !== item) });
    const work = (options) => remove(`/posts/${item.id}`, options);
    undoable(t("web.post_erased"), work, () => posts.load());
  };
  return html`<li>
    <p class="soft">
      <${Name} who=${item.author} /> · <${Time} iso=${item.time} />
      ${item.edited && ` · ${t("web.edited")}`}
    </p>
    <${Written} text=${item.text} lang=${item.language} />
    ${item.mine &&
    html`<button type="button" class="plain" onClick=${erase}>${t("action.delete")}</button>`}
  </li>`;
}

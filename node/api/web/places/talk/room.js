// One room: what was said in it, newest first, and the place to say something.

import { post } from "../../base/api.js";
import { Area, Form, Submit } from "../../base/forms.js";
import { clean } from "../../base/format.js";
import { Card, List, Loaded, More, Page } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { usePages } from "../../base/store.js";
import { html, useSignal } from "../../base/ui.js";
import { language, t } from "../../base/words.js";
import { Post, TEXT_MAX_CHARACTERS } from "./post.js";

const WRITTEN = /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/; // what can be named in the reader's language

/** The page of a room. */
export function Room({ room }) {
  const posts = usePages("/posts", { room });
  const wanted = useSignal("");
  const send = ({ text }) => post("/posts", { room, text, language: language.peek() });
  const fits = ({ language: tag }) => !wanted.value || tag === wanted.value;
  const draw = (item) =>
    html`<${Post} key=${item.id} item=${item} renew=${() => posts.load()} />`;
  return html`<${Page} title=${clean(room)} back=${href("talk")} backText=${t("place.talk")}>
    <${Card}>
      <${Form} send=${send} draft=${`talk/${room}`}>
        <${Area} label=${t("web.say")} name="text" maxlength=${TEXT_MAX_CHARACTERS} />
        <${Submit}>${t("action.send")}<//>
      <//>
    <//>
    <${Card}>
      <${Loaded} of=${posts}>
        ${({ items }) => html`<${Languages} items=${items} wanted=${wanted} />
          <${List} items=${items.filter(fits)} empty=${t("web.no_posts")}>${draw}<//>
          <${More} of=${posts} />`}
      <//>
    <//>
  <//>`;
}

/** Which languages to read, where people write in several. */
function Languages({ items, wanted }) {
  const tags = [...new Set(items.map((item) => item.language))].filter((tag) => WRITTEN.test(tag));
  if (tags.length < 2 && !wanted.value) return null;
  const names = new Intl.DisplayNames([language.value], { type: "language" });
  const choice = (tag, text) => html`<button
    type="button"
    aria-pressed=${wanted.value === tag}
    onClick=${() => (wanted.value = tag)}
  >
    ${text}
  </button>`;
  return html`<div class="row" role="group" aria-label=${t("talking.languages")}>
    ${choice("", t("web.all"))} ${tags.sort().map((tag) => choice(tag, names.of(tag)))}
  </div>`;
}

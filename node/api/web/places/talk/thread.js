// A post with its replies, oldest first, and the place to reply.

import { post as say } from "../../base/api.js";
import { Area, Form, Submit } from "../../base/forms.js";
import { clean } from "../../base/format.js";
import { Card, List, Loaded, Page } from "../../base/parts.js";
import { go, href } from "../../base/router.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { language, t } from "../../base/words.js";
import { Post, TEXT_MAX_CHARACTERS } from "./post.js";

/** The page of a post; `room` is the one it was opened in. */
export function Thread({ room, post }) {
  const found = useData(`/posts/${post}`);
  const reply = ({ text }) => {
    const words = language.peek();
    return say("/posts", { room: found.value.room, text, reply_to: post, language: words });
  };
  const renew = () => found.load();
  const leave = () => go("talk", [room], { replace: true });
  const draw = (item) =>
    html`<${Post} key=${item.id} item=${item} renew=${renew} within=${post} />`;
  return html`<${Page}
    title=${t("talking.thread")}
    back=${href("talk", room)}
    backText=${clean(room)}
  >
    <${Loaded} of=${found}>
      ${(value) => html`<${Card}>
          <ul class="list-plain">
            <${Post} item=${value} renew=${renew} leave=${leave} alone />
          </ul>
        <//>
        <${Card} title=${t("talking.answers")}>
          <${List} items=${value.replies} empty=${t("talking.no_replies")}>${draw}<//>
          <${Form} send=${reply} draft=${`talk/reply/${post}`}>
            <${Area}
              label=${t("talking.your_reply")}
              name="text"
              maxlength=${TEXT_MAX_CHARACTERS}
            />
            <${Submit}>${t("action.send")}<//>
          <//>
        <//>`}
    <//>
  <//>`;
}

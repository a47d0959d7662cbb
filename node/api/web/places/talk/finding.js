// Search in what was said, in all rooms at once.

import { Field, Form, Submit } from "../../base/forms.js";
import { clean } from "../../base/format.js";
import { Card, List, Loaded, More, Time } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { usePages } from "../../base/store.js";
import { html, useSignal } from "../../base/ui.js";
import { t } from "../../base/words.js";

const SHOWN_CHARACTERS = 160;

/** The field to search with, and what was found. */
export function Finding() {
  const words = useSignal("");
  const search = (values) => {
    words.value = values.words.trim();
  };
  return html`<${Card}>
    <${Form} send=${search} keeps>
      <${Field} label=${t("talking.search")} name="words" type="search" maxlength="80" />
      <${Submit}>${t("action.search")}<//>
    <//>
    ${words.value && html`<${Found} key=${words.value} words=${words.value} />`}
  <//>`;
}

function Found({ words }) {
  const found = usePages("/search", { words });
  return html`<${Loaded} of=${found}>
    ${({ items }) => html`<${List}
        items=${items.flatMap(({ post }) => post ?? [])}
        empty=${t("talking.not_found")}
        label=${t("talking.found")}
      >
        ${hit}
      <//>
      <${More} of=${found} text=${t("web.more")} />`}
  <//>`;
}

function hit(post) {
  return html`<li key=${post.id}>
    <a class="entry" href=${href("talk", post.room, post.id)}>
      <p lang=${post.language} dir="auto">${clean(post.text).slice(0, SHOWN_CHARACTERS)}</p>
      <p class="soft">
        <bdi>${clean(post.author.name)}</bdi> · <bdi>${clean(post.room)}</bdi> ·${" "}
        <${Time} iso=${post.time} />
      </p>
    </a>
  </li>`;
}

// The pictures of a listing that is being made: taken or chosen, sent to the node at once, which
// makes them small and takes out where and when they were taken.

import { upload } from "../../base/api.js";
import { Field } from "../../base/forms.js";
import { clean } from "../../base/format.js";
import { attempt } from "../../base/notices.js";
import { html, useId, useSignal } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { Photo } from "./photo.js";

const MAX_COUNT = 4;

/** `pictures` is a signal of a list of pictures as the API tells them. */
export function Photos({ pictures }) {
  const busy = useSignal(false);
  const id = useId();
  const add = async ({ target }) => {
    const chosen = [...target.files].slice(0, MAX_COUNT - pictures.peek().length);
    target.value = "";
    busy.value = true;
    for (const one of chosen) await attempt(() => taken(one, pictures));
    busy.value = false;
  };
  return html`<fieldset class="field photos" aria-busy=${busy.value}>
    <legend>${t("browse.photos")}</legend>
    <p class="hint">${t("browse.photos_mean")}</p>
    <ul class="list-plain">
      ${pictures.value.map(
        (one) => html`<li key=${one.large.id}>
          <${Photo} file=${one.small} alt=${clean(one.text)} />
          <${Field}
            label=${t("browse.seen")}
            name=${`words-${one.large.id}`}
            value=${clean(one.text)}
            maxlength="200"
          />
          <button type="button" class="plain" onClick=${() => drop(one, pictures)}>
            ${t("browse.without")}
          </button>
        </li>`
      )}
    </ul>
    ${pictures.value.length < MAX_COUNT &&
    html`<label for=${id}>${t(busy.value ? "web.moment" : "browse.add_photo")}</label>
      <input
        id=${id}
        type="file"
        accept="image/jpeg,image/png,image/webp"
        multiple
        disabled=${busy.value}
        onChange=${add}
      />`}
  </fieldset>`;
}

async function taken(one, pictures) {
  const made = await upload("/pictures", one);
  const known = pictures.peek().some(({ large }) => large.id === made.large.id);
  if (!known) pictures.value = [...pictures.peek(), { ...made, text: "" }];
}

function drop(one, pictures) {
  pictures.value = pictures.peek().filter((other) => other !== one);
}

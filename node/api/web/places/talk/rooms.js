// The rooms, the one with the newest post first, and the way to another one.

import { Field, Form, Misfit, Submit } from "../../base/forms.js";
import { clean } from "../../base/format.js";
import { Card, Loaded, Page, Time } from "../../base/parts.js";
import { go, href } from "../../base/router.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { Finding } from "./finding.js";

const SHOWN_CHARACTERS = 80;

/** The page of rooms; `chosen` is the one that is open beside it. */
export function Rooms({ chosen }) {
  const rooms = useData("/rooms");
  const open = ({ room }) => {
    if (!room.trim()) throw new Misfit({ room: t("web.room_needed") });
    go("talk", [room.trim()]);
  };
  return html`<${Page} title=${t("place.talk")}>
    <${Card}>
      <${Loaded} of=${rooms}>
        ${({ items }) => html`<ul class="list-plain">
          ${(items.length ? items : [first()]).map((room) => line(room, chosen))}
        </ul>`}
      <//>
    <//>
    <${Finding} />
    <${Card} title=${t("web.new_room")}>
      <${Form} send=${open}>
        <${Field} label=${t("web.room_name")} name="room" maxlength="32" />
        <${Submit}>${t("web.go")}<//>
      <//>
    <//>
  <//>`;
}

function first() {
  return { name: t("web.first_room"), newest: null };
}

function line({ name, newest }, chosen) {
  const current = name === chosen ? "page" : null;
  return html`<li key=${name}>
    <a class="entry" href=${href("talk", name)} aria-current=${current}>
      <p class="strong"><bdi>${clean(name)}</bdi></p>
      ${newest &&
      html`<p class="soft">
        <bdi>${clean(newest.author.name)}</bdi>:${" "}
        <bdi>${clean(newest.text).slice(0, SHOWN_CHARACTERS)}</bdi> · <${Time} iso=${newest.time} />
      </p>`}
    </a>
  </li>`;
}

// Community: who belongs, neighbours of this node, inviting and admitting.

import { clean } from "../../base/format.js";
import { Card, Loaded, Page } from "../../base/parts.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { ChapterCard } from "./chapter.js";
import { Inviting } from "./inviting.js";

/** The chapters with their members; neighbours; what an officer has to do. */
export default function Community() {
  const community = useData("/community");
  const title = community.value ? clean(community.value.name) : t("place.community");
  return html`<${Page} title=${title}>
    <${Neighbours} />
    <${Loaded} of=${community}>
      ${(told) => html`<${Inviting} community=${told} />
        ${told.chapters.map(
          (one) => html`<${ChapterCard} key=${one.name} chapter=${one} unit=${told.unit_name} />`
        )}`}
    <//>
  <//>`;
}

function Neighbours() {
  const peers = useData("/peers");
  return html`<${Card} title=${t("web.neighbours")}>
    <${Loaded} of=${peers}>
      ${({ text, items }) => html`<p>${text}</p>
        <ul class="list-plain">
          ${items.map(
            (one) => html`<li class="soft" key=${one.peer}>
              ${one.host} · ${t(one.in_sync ? "web.in_sync" : "web.syncing")}
            </li>`
          )}
        </ul>`}
    <//>
  <//>`;
}

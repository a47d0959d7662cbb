// The chapters with their members; the way to the neighbours; bringing somebody along.

import { clean } from "../../base/format.js";
import { Card, Loaded, Page } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { ChapterCard } from "./chapter.js";
import { Inviting } from "./inviting.js";

/** The page that Community begins with; `chosen` is what is open beside it. */
export function Overview({ chosen }) {
  const community = useData("/community");
  const title = community.value ? clean(community.value.name) : t("place.community");
  return html`<${Page} title=${title}>
    <${Near} />
    <${Loaded} of=${community}>
      ${(told) => html`<${Inviting} community=${told} />
        ${told.chapters.map((one) => {
          const given = { chapter: one, unit: told.unit_name, chosen };
          return html`<${ChapterCard} key=${one.name} ...${given} />`;
        })}`}
    <//>
  <//>`;
}

function Near() {
  const peers = useData("/peers");
  return html`<${Card}>
    <${Loaded} of=${peers}>
      ${({ text }) => html`<a class="entry" href=${href("community", "neighbours")}>
        <p class="strong">${t("web.neighbours")}</p>
        <p class="soft">${text}</p>
      </a>`}
    <//>
  <//>`;
}

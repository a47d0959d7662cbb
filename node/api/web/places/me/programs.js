// Programs that may speak with this node: what each may do, and taking it back.

import { remove } from "../../base/api.js";
import { ask } from "../../base/dialog.js";
import { clean, day } from "../../base/format.js";
import { Button, Card, List, Loaded, Page } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { renew, useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

/** The page of tokens. */
export function Programs() {
  const tokens = useData("/tokens");
  return html`<${Page} title=${t("me.programs")} back=${href("me")} backText=${t("place.me")}>
    <${Card}>
      <p>${t("me.programs_about")}</p>
      <${Loaded} of=${tokens}>
        ${({ items }) => html`<${List} items=${items} empty=${t("me.programs_none")}>
          ${(one) => html`<${Program} key=${one.id} one=${one} />`}
        <//>`}
      <//>
    <//>
  <//>`;
}

function Program({ one }) {
  const name = clean(one.name);
  const rights = one.scopes.map((scope) => t(`me.scope_${scope}`)).join(", ");
  const take = async () => {
    const wish = { title: t("me.sure_take", { name }), yes: t("me.take"), grave: true };
    if (!(await ask(wish))) return;
    await remove(`/tokens/${one.id}`);
    renew("/tokens");
  };
  return html`<li>
    <p class="strong"><bdi>${name}</bdi></p>
    <p class="soft">
      ${rights}
      ${one.expires && html` · ${t("me.until", { day: day(one.expires) })}`}
    </p>
    <${Button} work=${take}>${t("me.take")}<//>
  </li>`;
}

// Bringing somebody along: an invitation to copy.

import { post } from "../../base/api.js";
import { Button, Card, Copyable } from "../../base/parts.js";
import { html, useSignal } from "../../base/ui.js";
import { t } from "../../base/words.js";

/** A card that makes an invitation; an officer's lets somebody in at once. */
export function Inviting({ community }) {
  const link = useSignal(null);
  const officer = community.chapters.some((chapter) => chapter.membership === "officer");
  const invite = async () => {
    link.value = (await post("/community/invitations", { code: officer })).link;
  };
  return html`<${Card} title=${t("web.bring_somebody")}>
    <${Button} class="main" work=${invite}>${t("action.invite")}<//>
    <div aria-live="polite">
      ${link.value &&
      html`<p>${t(officer ? "web.invitation_once" : "web.invitation_open")}</p>
        <${Copyable} key=${link.value} text=${link.value} />`}
    </div>
  <//>`;
}

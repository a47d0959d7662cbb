// Bringing somebody along: an invitation to copy.

import { post } from "../../base/api.js";
import { Button, Card, Code, Copyable } from "../../base/parts.js";
import { html, useSignal } from "../../base/ui.js";
import { t } from "../../base/words.js";

/** A card that makes an invitation; an officer's lets somebody in at once. */
export function Inviting({ community }) {
  const made = useSignal(null);
  const officer = community.chapters.some((chapter) => chapter.membership === "officer");
  const invite = async () => {
    made.value = await post("/community/invitations", { code: officer });
  };
  return html`<${Card} title=${t("web.bring_somebody")}>
    <${Button} class="main" work=${invite}>${t("action.invite")}<//>
    <div aria-live="polite">
      ${made.value && html`<${Made} key=${made.value.link} made=${made.value} once=${officer} />`}
    </div>
  <//>`;
}

/** An invitation: to scan, to copy. */
function Made({ made, once }) {
  return html`<p>${t(once ? "web.invitation_once" : "web.invitation_open")}</p>
    ${made.code && html`<${Code} code=${made.code} label=${t("belonging.code")} />`}
    <${Copyable} text=${made.link} />`;
}

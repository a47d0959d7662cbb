// How others see this member.

import { put } from "../../base/api.js";
import { Area, Field, Form, Submit } from "../../base/forms.js";
import { say } from "../../base/notices.js";
import { Card, Copyable, Loaded, Page } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

/** The page of the profile, and the member's number to hand on. */
export function ProfilePage() {
  const profile = useData("/profile");
  const identity = useData("/identity");
  return html`<${Page} title=${t("web.profile")} back=${href("me")} backText=${t("place.me")}>
    <${Loaded} of=${profile}>${(told) => html`<${Editing} profile=${told} />`}<//>
    <${Card} title=${t("web.my_number")}>
      <p class="soft">${t("me.number_about")}</p>
      <${Loaded} of=${identity}>${(mine) => html`<${Copyable} text=${mine.member} />`}<//>
    <//>
  <//>`;
}

function Editing({ profile }) {
  const send = async ({ name, about, region }) => {
    const { languages } = profile;
    await put("/profile", { name, about, region: region.trim() || null, languages });
    say(t("web.saved"));
  };
  return html`<${Card}>
    <${Form} send=${send} keeps>
      <${Field}
        label=${t("web.name")}
        name="name"
        value=${profile.name}
        maxlength="32"
        autocomplete="nickname"
      />
      <${Area} label=${t("web.about")} name="about" value=${profile.about} maxlength="2000" />
      <${Field}
        label=${t("web.region")}
        hint=${t("me.region_hint")}
        name="region"
        value=${profile.region}
        maxlength="20"
      />
      <${Submit}>${t("action.save")}<//>
    <//>
  <//>`;
}

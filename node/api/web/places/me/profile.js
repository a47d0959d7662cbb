// How others see this member.

import { put } from "../../base/api.js";
import { Area, Field, Form, Submit } from "../../base/forms.js";
import { say } from "../../base/notices.js";
import { Card } from "../../base/parts.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

/** The card of the profile. */
export function Profile({ profile }) {
  const send = async ({ name, about, region }) => {
    const { languages } = profile;
    await put("/profile", { name, about, region: region.trim() || null, languages });
    say(t("web.saved"));
  };
  return html`<${Card} title=${t("web.profile")}>
    <${Form} send=${send} keeps>
      <${Field}
        label=${t("web.name")}
        name="name"
        value=${profile.name}
        maxlength="32"
        autocomplete="name"
      />
      <${Area} label=${t("web.about")} name="about" value=${profile.about} />
      <${Field} label=${t("web.region")} name="region" value=${profile.region} />
      <${Submit}>${t("action.save")}<//>
    <//>
  <//>`;
}

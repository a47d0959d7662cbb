// Me: profile, the 24 words, devices, language, this computer.

import { clean } from "../../base/format.js";
import { Card, Loaded, Page } from "../../base/parts.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";
import { Computer } from "./computer.js";
import { Devices } from "./devices.js";
import { Looks } from "./looks.js";
import { Profile } from "./profile.js";
import { Words } from "./phrase.js";

/** Everything about the member at this computer. */
export default function Me() {
  const profile = useData("/profile");
  const identity = useData("/identity");
  const title = profile.value ? clean(profile.value.name) : t("place.me");
  return html`<${Page} title=${title}>
    <${Loaded} of=${identity}>
      ${(mine) => mine.words_waiting && html`<${Words} identity=${mine} />`}
    <//>
    <${Computer} />
    <${Loaded} of=${profile}>${(told) => html`<${Profile} profile=${told} />`}<//>
    <${Looks} />
    <${Devices} />
    <${Card} title=${t("web.my_number")}>
      <${Loaded} of=${identity}>${(mine) => html`<p class="link">${mine.member}</p>`}<//>
    <//>
  <//>`;
}

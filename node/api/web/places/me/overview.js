// The first page of Me: who this is, and the way to everything else.

import { clean } from "../../base/format.js";
import { Card, Page } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { useData } from "../../base/store.js";
import { html } from "../../base/ui.js";
import { LANGUAGES, language, t } from "../../base/words.js";

/** The list; `chosen` is the page that is open beside it. */
export function Overview({ chosen }) {
  const profile = useData("/profile");
  const status = useData("/status");
  const identity = useData("/identity");
  const title = profile.value ? clean(profile.value.name) : t("place.me");
  const lan = useData("/lan");
  const waiting = identity.value?.words_waiting;
  return html`<${Page} title=${title}>
    <${Card}>
      <nav aria-label=${t("place.me")}>
        <ul class="list-plain">
          <${Entry} page="profile" chosen=${chosen} title=${t("web.profile")}>
            ${clean(profile.value?.about ?? "")}
          <//>
          ${waiting &&
          html`<${Entry} page="words" chosen=${chosen} title=${t("word.phrase")} urgent>
            ${t("me.words_wait")}
          <//>`}
          <${Entry} page="looks" chosen=${chosen} title=${t("me.looks")}>
            ${LANGUAGES[language.value]}
          <//>
          <${Entry} page="devices" chosen=${chosen} title=${t("web.devices")} />
          <${Entry} page="keeping" chosen=${chosen} title=${t("me.keeping")}>
            ${t("me.keeping_about")}
          <//>
          ${lan.value &&
          html`<${Entry} page="phone" chosen=${chosen} title=${t("me.phone")}>
            ${lan.value.text}
          <//>`}
          <${Entry} page="programs" chosen=${chosen} title=${t("me.programs")} />
          <${Entry} page="computer" chosen=${chosen} title=${t("me.computer")}>
            ${status.value?.sync.text}
          <//>
        </ul>
      </nav>
    <//>
  <//>`;
}

function Entry({ page, chosen, title, urgent, children }) {
  return html`<li>
    <a class="entry" href=${href("me", page)} aria-current=${page === chosen ? "page" : null}>
      <p class="strong">${title}</p>
      <p class=${urgent ? "attention" : "soft"}>${children}</p>
    </a>
  </li>`;
}

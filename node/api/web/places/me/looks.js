// How this client looks on this device: language, size of the text, colours.

import { Radios } from "../../base/forms.js";
import { choose } from "../../base/languages.js";
import { SIZES, THEMES, chooseSize, chooseTheme, size, theme } from "../../base/look.js";
import { Card, Page } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { html } from "../../base/ui.js";
import { LANGUAGES, language, t } from "../../base/words.js";

/** The page of language, size and colours; each choice is seen at once. */
export function Looks() {
  const themes = THEMES.map((one) => [one, t(`web.theme_${one}`)]);
  const sizes = SIZES.map((one) => [String(one), `${one} %`]);
  return html`<${Page} title=${t("me.looks")} back=${href("me")} backText=${t("place.me")}>
    <${Card}>
      <${Radios}
        label=${t("web.language")}
        name="language"
        value=${language.value}
        options=${Object.entries(LANGUAGES)}
        onChange=${choose}
      />
      <${Radios}
        label=${t("web.text_size")}
        name="size"
        value=${String(size.value)}
        options=${sizes}
        onChange=${(chosen) => chooseSize(Number(chosen))}
      />
      <${Radios}
        label=${t("web.colours")}
        name="theme"
        value=${theme.value}
        options=${themes}
        onChange=${chooseTheme}
      />
    <//>
  <//>`;
}

// How this client looks on this device: language, size of the text, colours.

import { Radios, Select } from "../../base/forms.js";
import { SIZES, THEMES, chooseSize, chooseTheme, size, theme } from "../../base/look.js";
import { attempt } from "../../base/notices.js";
import { Card } from "../../base/parts.js";
import { html } from "../../base/ui.js";
import { LANGUAGES, language, speak, t } from "../../base/words.js";

/** The card of language, size and colours. */
export function Looks() {
  const themes = THEMES.map((one) => [one, t(`web.theme_${one}`)]);
  const sizes = SIZES.map((one) => [String(one), `${one} %`]);
  return html`<${Card} title=${t("web.looks")}>
    <${Select}
      label=${t("web.language")}
      name="language"
      value=${language.value}
      options=${Object.entries(LANGUAGES)}
      onChange=${(chosen) => attempt(() => speak(chosen))}
    />
    <${Select}
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
  <//>`;
}

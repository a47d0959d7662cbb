// Me: a list of what belongs to this member, and the page of what is chosen.

import { Split } from "../../base/parts.js";
import { html } from "../../base/ui.js";
import { Computer } from "./computer.js";
import { Devices } from "./devices.js";
import { Keeping } from "./keeping.js";
import { Looks } from "./looks.js";
import { Overview } from "./overview.js";
import { Phone } from "./phone.js";
import { Programs } from "./programs.js";
import { ProfilePage } from "./profile.js";
import { Words } from "./phrase.js";

const PAGES = {
  profile: ProfilePage,
  words: Words,
  devices: Devices,
  looks: Looks,
  keeping: Keeping,
  phone: Phone,
  programs: Programs,
  computer: Computer,
};

/** Everything about the member at this computer. */
export default function Me({ path: [page, ...rest] }) {
  const Chosen = PAGES[page];
  const detail = Chosen ? html`<${Chosen} key=${page} path=${rest} />` : null;
  return html`<${Split} list=${html`<${Overview} chosen=${page} />`} detail=${detail} />`;
}

// Community: who belongs, who trades with whom, the neighbours of this node, what officers decide.

import { Split } from "../../base/parts.js";
import { html } from "../../base/ui.js";
import { MemberPage } from "./member.js";
import { Neighbours } from "./neighbours.js";
import { Overview } from "./overview.js";
import { Ties } from "./ties.js";

/** The pages of Community: `#/community/member/ID`, `…/ties/CHAPTER`, `…/neighbours`. */
export default function Community({ path }) {
  const list = html`<${Overview} chosen=${path[1]} />`;
  return html`<${Split} list=${list} detail=${detail(path)} />`;
}

function detail([first, second]) {
  switch (first) {
    case "member":
      return html`<${MemberPage} key=${second} id=${second} />`;
    case "ties":
      return html`<${Ties} key=${second} chapter=${second} />`;
    case "neighbours":
      return html`<${Neighbours} />`;
    default:
      return null;
  }
}

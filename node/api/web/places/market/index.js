// Market: browse and search; beside it one listing, or a form to make or change one.

import { Split } from "../../base/parts.js";
import { html } from "../../base/ui.js";
import { Browse } from "./browse.js";
import { ChangeListing, NewListing } from "./form.js";
import { ListingPage } from "./listing.js";

/** The pages of Market: `#/market/new`, `#/market/LISTING`, `#/market/LISTING/change`. */
export default function Market({ path }) {
  return html`<${Split} list=${html`<${Browse} chosen=${path[0]} />`} detail=${detail(path)} />`;
}

function detail([first, second]) {
  if (first === undefined) return null;
  if (first === "new") return html`<${NewListing} />`;
  if (second === "change") return html`<${ChangeListing} key=${first} id=${first} />`;
  return html`<${ListingPage} key=${first} id=${first} />`;
}

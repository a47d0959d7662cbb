// The boat whose sail is a speech bubble, in the colours of the page.

import { html } from "./ui.js";

/** Drawn so many pixels wide; an ornament, so readers pass over it. */
export function Boat({ width }) {
  const size = { width, height: width };
  return html`<svg class="boat" viewBox="0 0 64 64" ...${size} aria-hidden="true">
    <path class="sail" d="M30 6h20a8 8 0 0 1 8 8v14a8 8 0 0 1-8 8H40l-10 9z" />
    <path class="hull" d="M4 46h56c-3 8-10 13-20 13H24C14 59 7 54 4 46z" />
  </svg>`;
}

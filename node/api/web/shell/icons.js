// The signs of the five places: lines on a grid of 24, in the colour of their text.

import { html } from "../base/ui.js";

const LINES = {
  talk: "M4 5h16v11H11l-5 4v-4H4z M8 9h8 M8 12h5",
  market: "M4 10v10h16V10 M3 10l2-6h14l2 6 M3 10c0 3 4.5 3 4.5 0 0 3 4.5 3 4.5 0 0 3 4.5 3 4.5 0" +
    " 0 3 4.5 3 4.5 0 M9.5 20v-5h5v5",
  trade: "M4 8h14 M14 4l4 4-4 4 M20 16H6 M10 12l-4 4 4 4",
  community: "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6z M3 20c0-4 2.5-6 6-6s6 2 6 6 M16 5.5a3 3 0 0 1 0" +
    " 5.5 M17 14c2.6.5 4 2.5 4 6",
  me: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8z M4 21c0-5 3.5-7 8-7s8 2 8 7",
};

/** The sign of a place; the word beside it says what it is. */
export function PlaceSign({ place }) {
  return html`<svg class="sign" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d=${LINES[place]} />
  </svg>`;
}

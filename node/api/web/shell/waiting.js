// What waits for the member is told in every place, with the way to where it is dealt with.

import { href } from "../base/router.js";
import { t } from "../base/words.js";

const TRADE = href("trade");
const COMMUNITY = href("community");
const DEVICES = href("me", "devices");
// Hints of GET /status by their code; null: there is nothing to press. Others stand in Me alone.
const WHERE = {
  trades: TRADE,
  disputes: TRADE,
  exposed: TRADE,
  "in-doubt": TRADE,
  applications: COMMUNITY,
  apply: COMMUNITY,
  renewals: COMMUNITY,
  proposals: COMMUNITY,
  "exposed-officer": COMMUNITY,
  "confirm-words": href("me", "words"),
  late: DEVICES,
  behind: DEVICES,
  "two-accounts": DEVICES,
  "home-copied": DEVICES,
  "shut-out": DEVICES,
  admission: null,
  suspended: null,
  "limit-awaited": null,
};

// Here the page is at hand, so nobody is sent to the command line.
const SAID_HERE = { "confirm-words": "me.words_wait" };

/** What a hint says here. */
export function said({ code, text }) {
  return code in SAID_HERE ? t(SAID_HERE[code]) : text;
}

/** Where a hint is dealt with: an address, null for nowhere, undefined where it is not told. */
export function waitsAt(code) {
  return WHERE[code];
}

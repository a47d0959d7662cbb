// What waits for the member is told in every place, with the way to where it is dealt with.

import { href } from "../base/router.js";

const TRADE = href("trade");
const COMMUNITY = href("community");
const ME = href("me");
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
  "confirm-words": ME,
  late: ME,
  behind: ME,
  "two-accounts": ME,
  "home-copied": ME,
  "shut-out": ME,
  admission: null,
  suspended: null,
  "limit-awaited": null,
};

/** Where a hint is dealt with: an address, null for nowhere, undefined where it is not told. */
export function waitsAt(code) {
  return WHERE[code];
}

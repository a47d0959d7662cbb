// Prices: as they are typed, and as they are shown.

import { money, units } from "../../base/format.js";
import { t } from "../../base/words.js";

/** Empty: ask; zero: free; else an amount of credit. Null where it is none of these. */
export function priceOf(typed, decimals) {
  if (typed.trim() === "") return { form: "ask" };
  if (/^0([.,]0*)?$/.test(typed.trim())) return { form: "free" };
  const found = units(typed, decimals);
  return found === null ? null : { form: "amount", amount: found };
}

/** A price in words; `community` knows how its own unit is called. */
export function priceText(price, community) {
  if (price.form !== "amount") return t(`listing.${price.form}`);
  const name = price.unit === "credit" ? (community?.unit_name ?? "") : price.unit;
  return money(price.amount, price.decimals, name);
}

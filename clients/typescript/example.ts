/**
 * An example: what a member would like to see in the corner of a screen. Tells the balance, then every
 * trade that changes, until `signal` ends it; goes on by itself after the node was restarted.
 */

import { WeTalk, WeTalkProblem } from "./wetalk.ts";
import type { Settings, Trade } from "./wetalk.ts";

export async function follow(
  settings: Settings,
  show: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const node = new WeTalk(settings);
  const balance = await node.getBalance({}, { signal });
  show(`${amount(balance.book, balance.decimals)} ${balance.unit_name}`);
  for await (const event of node.events({ signal })) {
    if (event.name === "reset") {
      for await (const trade of node.eachTrade({}, { signal })) show(line(trade));
    }
    if (event.name !== "trade") continue;
    try {
      show(line(await node.getTrade(String(event.data["trade"]), { signal })));
    } catch (problem) {
      // Others' trades pass by, too: the node tells them, and knows none of our own by that id.
      if (!(problem instanceof WeTalkProblem) || problem.status !== 404) throw problem;
    }
  }
}

function line(trade: Trade): string {
  return `${trade.partner?.name ?? ""}: ${trade.amount_text}, ${trade.state_text}`;
}

/** Minor units as people write them. */
function amount(units: number, decimals: number): string {
  return (units / 10 ** decimals).toFixed(decimals);
}

// Between the making of a member and the node that speaks for them lie some seconds.

import { Problem, get } from "../base/api.js";

const ASK_MS = 300;
const PATIENCE_MS = 60000;

/** Wait until the node itself answers, anew since `before` (a time). Raises Problem in the end. */
export async function untilStarted(before = null) {
  for (const until = Date.now() + PATIENCE_MS; ; ) {
    try {
      const { started } = await get("/status");
      if (started !== before) return;
    } catch (problem) {
      if (!(problem instanceof Problem) || Date.now() > until) throw problem;
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
}

// Between the making of a member and the node that speaks for them lie some seconds.

import { Problem, get } from "../base/api.js";

const ASK_MS = 300;
const PATIENCE_MS = 60000;

/** Wait until the node itself answers. Raises Problem where it does not. */
export async function untilStarted() {
  for (const until = Date.now() + PATIENCE_MS; ; ) {
    try {
      return await get("/identity");
    } catch (problem) {
      if (!(problem instanceof Problem) || Date.now() > until) throw problem;
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    }
  }
}

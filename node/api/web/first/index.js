// The first run: on a home without a member, from the choice of language to the first page.

import { unborn } from "../base/api.js";
import { hurry } from "../base/events.js";
import { go } from "../base/router.js";
import { renew } from "../base/store.js";
import { html, useLayoutEffect, useRef, useSignal } from "../base/ui.js";
import { Back } from "./back.js";
import { Welcome } from "./welcome.js";
import { Invitation } from "./invitation.js";
import { Name, NewCommunity, Where } from "./new.js";
import { Ready } from "./ready.js";
import { CheckWords, ShowWords } from "./words.js";

const STEPS = {
  welcome: Welcome,
  name: Name,
  where: Where,
  invitation: Invitation,
  community: NewCommunity,
  words: ShowWords,
  check: CheckWords,
  ready: Ready,
  back: Back,
};

/**
 * One question a page. `facts` are the answers so far: `name`, `invitation`, `made` (the member and
 * the 24 words, in this tab's memory alone), `confirmed`.
 */
export default function FirstRun() {
  const step = useSignal("welcome");
  const facts = useSignal({});
  const first = useRef(true);
  const next = (name, more = {}) => {
    facts.value = { ...facts.peek(), ...more };
    step.value = name;
  };
  const leave = (place) => {
    unborn.value = false;
    hurry();
    renew();
    go(place);
  };
  useLayoutEffect(() => {
    if (!first.current) document.querySelector("main [data-page]").focus({ preventScroll: true });
    first.current = false;
    scrollTo(0, 0);
  }, [step.value]);
  const Step = STEPS[step.value];
  return html`<${Step} key=${step.value} facts=${facts.value} next=${next} leave=${leave} />`;
}

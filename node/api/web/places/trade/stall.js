// Trading with no network: notes shown as QR codes, and what was scanned taken in.

import { post } from "../../base/api.js";
import { Area, Check, Form, Misfit, Submit } from "../../base/forms.js";
import { clean } from "../../base/format.js";
import { say } from "../../base/notices.js";
import { Button, Card, Code, Page, Written } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { useData } from "../../base/store.js";
import { html, signal, useEffect, useRef, useSignal } from "../../base/ui.js";
import { t } from "../../base/words.js";

const PART_CHARACTERS = 1249; // a code that a phone reads from a small screen
const NEXT_MS = 2000; // several codes take turns: whoever scans needs no second hand
const WISHES = { part_characters: PART_CHARACTERS, drawn: true };

const note = signal(null); // what the stall shows: `{given}` or `{taken}`

/** Have the stall show the note of a trade. */
export async function noteOf(trade) {
  note.value = { given: await post(`/trades/${trade.id}/note`, WISHES) };
}

/** The page to greet and to take notes in. */
export function Stall() {
  const identity = useData("/identity");
  const shown = useRef(null);
  const greet = async () => {
    note.value = { given: await post("/trades/greeting", WISHES) };
  };
  const take = async (values) => {
    const parts = values.parts.split(/\s+/).filter(Boolean);
    if (!parts.length) throw new Misfit({ parts: t("problem.note-invalid") });
    const body = { parts, anyway: values.anyway !== undefined, ...WISHES };
    const taken = await post("/trades/notes", body);
    note.value = { taken };
    say(taken.text);
  };
  useEffect(() => {
    if (note.value) shown.current.scrollIntoView({ block: "start" });
  }, [note.value]);
  const title = t("web.stall");
  return html`<${Page} title=${title} back=${href("trade")} backText=${t("place.trade")}>
    <${Card}>
      <p>${t("web.stall_about")}</p>
      <div aria-live="polite" ref=${shown}>${note.value && html`<${Shown} />`}</div>
      <${Form} send=${take}>
        <${Area} label=${t("web.stall_paste")} name="parts" />
        ${identity.value?.waiting_for_echo &&
        html`<p class="soft">${t("problem.not-echoed")}</p>
          <${Check} name="anyway" label=${t("web.stall_anyway")} />`}
        <div class="row">
          <${Submit}>${t("web.stall_take")}<//>
          <${Button} work=${greet}>${t("web.stall_hello")}<//>
        </div>
      <//>
    <//>
  <//>`;
}

function Shown() {
  const { given, taken } = note.value;
  const close = () => (note.value = null);
  const show = (one) => html`<${Note} key=${one.parts[0]} given=${one} close=${close} />`;
  if (given) return show(given);
  return html`<p>${taken.text}</p>
    ${taken.trades.map((told) => html`<${Sure} key=${told.trade?.id} told=${told} />`)}
    ${taken.unsettled_text && html`<p class="attention">${taken.unsettled_text}</p>`}
    ${taken.answer && show(taken.answer)}`;
}

/** How sure a trade of a note is. */
function Sure({ told }) {
  const { trade } = told;
  const kind = told.standing === "doubt" ? "attention" : null;
  if (!trade) return html`<p class=${kind}>${told.text}</p>`;
  const sides = { payer: clean(trade.payer.name), payee: clean(trade.payee.name) };
  return html`<p>${t("stall.trade", { ...sides, amount: clean(trade.amount_text) })}</p>
    ${trade.for && html`<${Written} text=${trade.for} />`}
    <p class=${kind}>${told.text}</p>
    ${told.standing === "unconfirmed" && html`<p class="attention">${trade.goods_text}</p>`}`;
}

/** A note: its codes in turn, how sure its trades are, and the same as text. */
function Note({ given, close }) {
  const name = given.partner ? clean(given.partner.name) : t("stall.anybody");
  return html`<p>${t("stall.code_one", { name })}</p>
    <${Turning} codes=${given.codes} />
    ${given.trades.map((told) => html`<p class="soft" key=${told.text}>${told.text}</p>`)}
    <details>
      <summary>${t("web.stall_copy")}</summary>
      ${given.parts.map((part) => html`<p class="link" key=${part}>${part}</p>`)}
    </details>
    <button type="button" onClick=${close}>${t("web.stall_close")}</button>`;
}

/** One code; of several the next one after a while, or when asked. */
function Turning({ codes }) {
  const at = useSignal(0);
  const next = () => (at.value = (at.value + 1) % codes.length);
  const several = codes.length > 1;
  useEffect(() => {
    if (!several || matchMedia("(prefers-reduced-motion: reduce)").matches) return undefined;
    const timer = setTimeout(next, NEXT_MS);
    return () => clearTimeout(timer);
  }, [at.value]);
  const label = t("web.stall_code", { number: at.value + 1, count: codes.length });
  return html`<${Code} code=${codes[at.value]} label=${label} />
    ${several &&
    html`<p class="soft">${label}</p>
      <button type="button" onClick=${next}>${t("web.stall_next")}</button>`}`;
}

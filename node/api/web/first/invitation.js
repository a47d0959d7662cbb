// An invitation: pasted, from a file, or scanned; shown before it is followed.

import { post } from "../base/api.js";
import { Area, Form, Misfit, Submit } from "../base/forms.js";
import { Button, Card, Page } from "../base/parts.js";
import { scan } from "../base/scan.js";
import { html, useRef, useSignal } from "../base/ui.js";
import { t } from "../base/words.js";
import { BackTo } from "./back_to.js";
import { make } from "./new.js";

const LINK = "wetalk:join";
const FILE_MAX_BYTES = 200000;

/** Where does it lead? Then: join. */
export function Invitation({ facts, next }) {
  const found = useSignal(null);
  const look = async ({ invitation }) => {
    needInvitation(invitation);
    found.value = { invitation, ...(await post("/setup/invitation", { invitation })) };
  };
  if (found.value) {
    const { invitation } = found.value;
    const join = () => make(facts, next, { invitation });
    const other = () => (found.value = null);
    return html`<${Leads} found=${found.value} join=${join} other=${other} />`;
  }
  return html`<${Page} title=${t("first_run.invitation_title")}>
    <${Form} send=${look} keeps>
      <${InvitationFields} />
      <div class="row">
        <${Submit}>${t("first_run.look")}<//>
        <${BackTo} step="where" next=${next} />
      </div>
    <//>
  <//>`;
}

function Leads({ found, join, other }) {
  return html`<${Page} title=${t("first_run.invitation_title")}>
    <${Card}>
      <p class="strong">${t("first_run.found", { name: found.name })}</p>
      <p>${t("first_run.found_chapter", { chapter: found.chapter, unit: found.unit_name })}</p>
      <p>${t(found.once ? "first_run.found_once" : "first_run.found_ask")}</p>
      ${!found.reachable && html`<p class="attention">${t("first_run.found_unreachable")}</p>`}
    <//>
    <div class="row">
      <${Button} class="main" work=${join}>${t("first_run.join")}<//>
      <button type="button" class="plain" onClick=${other}>${t("action.back")}</button>
    </div>
  <//>`;
}

/** The field `invitation` of a form, with a file and the camera to fill it. */
export function InvitationFields({ label, hint }) {
  const box = useRef(null);
  const put = (text) => (box.current.querySelector("textarea").value = text);
  const chosen = async (event) => {
    const [file] = event.currentTarget.files;
    if (file) put(file.size > FILE_MAX_BYTES ? "" : (await file.text()).trim());
  };
  const read = (text) => {
    if (!text.startsWith(LINK)) return t("problem.invitation-invalid");
    put(text);
    return true;
  };
  return html`<div ref=${box}>
    <${Area}
      label=${label ?? t("first_run.paste")}
      hint=${hint ?? t("first_run.paste_hint")}
      name="invitation"
      rows="4"
      autocomplete="off"
      spellcheck="false"
    />
    <div class="field">
      <label>
        ${t("first_run.file")}
        <input type="file" accept=".txt,text/plain" onChange=${chosen} />
      </label>
    </div>
    <p><${Button} work=${() => scan(read)}>${t("first_run.scan")}<//></p>
  </div>`;
}

/** Refuse a form without an invitation in it, before it is sent. */
export function needInvitation(written) {
  if (!written.includes(LINK)) throw new Misfit({ invitation: t("problem.invitation-invalid") });
}

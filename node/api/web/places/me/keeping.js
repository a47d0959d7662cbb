// Nothing is ever trapped: a sealed backup, and all records as a file.

import { file, sealed } from "../../base/api.js";
import { Field, Form, Misfit, Submit } from "../../base/forms.js";
import { say } from "../../base/notices.js";
import { Button, Card, Page, saved } from "../../base/parts.js";
import { href } from "../../base/router.js";
import { html } from "../../base/ui.js";
import { t } from "../../base/words.js";

/** The page of backup and export. */
export function Keeping() {
  const backUp = async ({ password, again }) => {
    if (!password) throw new Misfit({ password: t("problem.password-empty") });
    if (password !== again) throw new Misfit({ again: t("words.not_same") });
    saved(await sealed("/backup", { password }), "wetalk.backup");
    say(t("me.backup_done"));
  };
  const everything = async () => saved(await file("/records/export"), "wetalk-records.jsonl");
  const secret = { type: "password", autocomplete: "new-password" };
  return html`<${Page} title=${t("me.keeping")} back=${href("me")} backText=${t("place.me")}>
    <${Card} title=${t("me.backup")}>
      <p>${t("me.backup_about")}</p>
      <${Form} send=${backUp}>
        <${Field} label=${t("me.password")} name="password" ...${secret} />
        <${Field} label=${t("words.password_again")} name="again" ...${secret} />
        <${Submit}>${t("me.backup")}<//>
      <//>
    <//>
    <${Card} title=${t("me.export")}>
      <p>${t("me.export_about")}</p>
      <${Button} work=${everything}>${t("me.export")}<//>
    <//>
  <//>`;
}

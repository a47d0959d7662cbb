// Me: profile, the 24 words, devices, language, this computer.

import { get, post, put } from "../api.js";
import { card, choice, field, fill, form, h } from "../dom.js";
import { LANGUAGES, amount, clean, t } from "../format.js";
import { attempt, change, say } from "../main.js";

const MEGABYTE = 1000000;

/** Everything about the member at this computer. */
export async function show(view) {
  const [profile, identity] = await Promise.all([get("/profile"), get("/identity")]);
  const words = h("div");
  const state = h("div");
  fill(
    view,
    h("h1", {}, clean(profile.name)),
    state,
    words,
    profileCard(profile),
    languageCard(),
    await devicesCard(),
    card(t("web.my_number"), h("p", { class: "link" }, identity.member))
  );
  const refresh = async () => {
    const [status, now] = await Promise.all([get("/status"), get("/identity")]);
    fill(words, now.words_waiting && wordsCard(now, refresh));
    fill(state, stateCard(status));
  };
  await refresh();
  return { heard: (name) => (["status", "reset"].includes(name) ? refresh() : undefined) };
}

function stateCard(status) {
  const room = amount(Math.round(status.disk.free_bytes / MEGABYTE), 0);
  return card(
    null,
    status.next.map((hint) => h("p", { class: "attention" }, hint.text)),
    h("p", {}, status.sync.text),
    h("p", { class: "soft" }, t("status.home", { path: status.home })),
    h("p", { class: "soft" }, t("web.free_space", { megabytes: room })),
    h("p", { class: "soft" }, `WeTalk ${status.version}`)
  );
}

function wordsCard(identity, refresh) {
  const send = (values) =>
    attempt(async () => {
      await post("/identity/confirm", { words: values.words });
      say(t("phrase.confirmed"));
      await refresh();
    });
  const typed = { name: "words", rows: 4, autocomplete: "off", spellcheck: "false" };
  return card(
    t("word.phrase"),
    h("p", {}, t("phrase.explain")),
    h("p", {}, t("web.words_file", { path: identity.words_file ?? "" })),
    form(
      send,
      field(t("phrase.ask"), h("textarea", typed)),
      h("button", { class: "main" }, t("web.check_words"))
    )
  );
}

function profileCard(profile) {
  const send = (values) =>
    attempt(async () => {
      const { name, about } = values;
      const region = values.region.trim() || null;
      await put("/profile", { name, about, region, languages: profile.languages });
      say(t("web.saved"));
    }).then(() => false);
  return card(
    t("web.profile"),
    form(
      send,
      field(t("web.name"), h("input", { name: "name", value: profile.name, maxlength: 32 })),
      field(t("web.about"), h("textarea", { name: "about", value: profile.about })),
      field(t("web.region"), h("input", { name: "region", value: profile.region ?? "" })),
      h("button", { class: "main" }, t("action.save"))
    )
  );
}

function languageCard() {
  const select = choice("language", Object.entries(LANGUAGES), document.documentElement.lang);
  select.addEventListener("change", () => attempt(() => change(select.value)));
  return card(null, field(t("web.language"), select));
}

async function devicesCard() {
  const { items } = await get("/devices");
  const lines = items.map((one) => {
    const state = one.this ? "web.this_device" : one.revoked ? "web.shut_out" : "web.other_device";
    const late = one.late && h("p", { class: "attention" }, one.late.text);
    return h("li", {}, `${one.device.slice(0, 8)} · ${t(state)}`, late);
  });
  return card(t("web.devices"), h("ul", { class: "plain" }, lines));
}

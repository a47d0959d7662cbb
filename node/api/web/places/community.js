// Community: who belongs, neighbours of this node, inviting and admitting.

import { get, post } from "../api.js";
import { card, field, fill, form, h } from "../dom.js";
import { amount, clean, t, when } from "../format.js";
import { attempt, say } from "../main.js";

const CONCERNS = [
  "status", "profile", "application", "member.admit", "member.suspend", "credit.grant",
  "balance", "reset",
];

/** The chapters with their members; neighbours; what an officer has to do. */
export async function show(view) {
  const community = await get("/community");
  const sections = community.chapters.map((chapter) => chapterSection(chapter, community));
  const neighbours = h("div");
  fill(
    view,
    h("h1", {}, clean(community.name)),
    card(t("web.neighbours"), neighbours),
    inviting(community),
    sections.map((section) => section.element)
  );
  const refresh = async () => {
    await Promise.all([showNeighbours(neighbours), ...sections.map((one) => one.refresh())]);
  };
  await refresh();
  return { heard: (name) => (CONCERNS.includes(name) ? refresh() : undefined) };
}

async function showNeighbours(element) {
  const peers = await get("/peers");
  const lines = peers.items.map((one) =>
    h("li", { class: "soft" }, `${one.host} · ${t(one.in_sync ? "web.in_sync" : "web.syncing")}`)
  );
  fill(element, h("p", {}, peers.text), h("ul", { class: "plain" }, lines));
}

function inviting(community) {
  const officer = community.chapters.some((chapter) => chapter.membership === "officer");
  const shown = h("div", { "aria-live": "polite" });
  const invite = () =>
    attempt(async () => {
      const made = await post("/community/invitations", { code: officer });
      const copy = () =>
        navigator.clipboard.writeText(made.link).then(() => say(t("web.copied")));
      fill(
        shown,
        h("p", {}, t(officer ? "web.invitation_once" : "web.invitation_open")),
        h("p", { class: "link" }, made.link),
        h("button", { type: "button", onclick: copy }, t("web.copy"))
      );
    });
  return card(
    t("web.bring_somebody"),
    h("button", { type: "button", class: "main", onclick: invite }, t("action.invite")),
    shown
  );
}

function chapterSection(chapter, community) {
  const path = `/chapters/${encodeURIComponent(chapter.name)}`;
  const members = h("ul", { class: "plain" });
  const requests = h("ul", { class: "plain" });
  const element = card(
    clean(chapter.name),
    h("p", { class: "soft" }, t(`membership.${chapter.membership}`)),
    chapter.relay_texts.map((text) => h("p", { class: "soft" }, text)),
    chapter.convicted_texts.map((text) => h("p", { class: "attention" }, text)),
    chapter.membership === "none" && applying(path),
    requests,
    members
  );
  const refresh = async () => {
    const listed = await get("/members", { chapter: chapter.name, limit: 200 });
    fill(members, listed.items.map((one) => memberLine(one, community)));
    if (chapter.membership === "officer") {
      const { items } = await get(`${path}/requests`);
      fill(requests, items.map((one) => requestLine(one, path)));
    }
  };
  return { element, refresh };
}

function applying(path) {
  const send = (values) => attempt(() => post(`${path}/apply`, { text: values.text }));
  return form(
    send,
    field(t("web.introduce"), h("textarea", { name: "text", maxlength: 2000 })),
    h("button", { class: "main" }, t("action.join"))
  );
}

function memberLine(one, community) {
  const shown = `${amount(one.balance, one.decimals)} ${clean(community.unit_name)}`;
  const stars = one.stars === null ? "" : ` · ★ ${one.stars} (${one.ratings})`;
  const facts = `${t(`membership.${one.membership}`)} · ${shown}${stars}`;
  return h(
    "li",
    {},
    h("p", {}, `${clean(one.name)} `, h("span", { class: "soft" }, one.id.slice(0, 8))),
    h("p", { class: "soft" }, facts),
    one.alert_texts.map((text) => h("p", { class: "attention" }, text))
  );
}

function requestLine(one, path) {
  const admit = () => {
    const name = clean(one.member.name);
    if (confirm(t("web.sure_admit", { name }))) {
      attempt(() => post(`${path}/admit`, { member: one.member.id }));
    }
  };
  return h(
    "li",
    {},
    h("p", {}, t("web.wants_in", { name: clean(one.member.name) }), ` · ${when(one.time)}`),
    one.text && h("p", { class: "text" }, one.text),
    h("button", { type: "button", class: "main", onclick: admit }, t("web.admit"))
  );
}

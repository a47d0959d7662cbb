// Talk: rooms, and the posts of one.

import { get, post, remove } from "../api.js";
import { card, field, fill, form, h } from "../dom.js";
import { clean, t, when } from "../format.js";
import { attempt, go } from "../main.js";

const FIRST_ROOM = "web.first_room";

/** The list of rooms, or the room named. */
export async function show(view, [room]) {
  return room === undefined ? showRooms(view) : showRoom(view, room);
}

async function showRooms(view) {
  const list = h("ul", { class: "plain" });
  const open = (values) => {
    const name = values.room.trim();
    if (name) go("talk", name);
  };
  fill(
    view,
    h("h1", {}, t("place.talk")),
    card(null, list),
    card(
      t("web.new_room"),
      form(
        open,
        field(t("web.room_name"), h("input", { name: "room", maxlength: 32, required: true })),
        h("button", { class: "main" }, t("web.go"))
      )
    )
  );
  const refresh = async () => {
    const { items } = await get("/rooms");
    const rooms = items.length ? items : [{ name: t(FIRST_ROOM), newest: null }];
    fill(list, rooms.map(roomLine));
  };
  await refresh();
  return { heard: (name) => (concerns(name) ? refresh() : undefined) };
}

function concerns(name) {
  return name === "post" || name === "profile" || name === "reset";
}

function roomLine(room) {
  const newest = room.newest;
  const told = newest && `${clean(newest.author.name)}: ${clean(newest.text).slice(0, 80)}`;
  return h(
    "li",
    {},
    h("a", { href: `#/talk/${encodeURIComponent(room.name)}` }, clean(room.name)),
    told && h("p", { class: "soft" }, `${told} · ${when(newest.time)}`)
  );
}

async function showRoom(view, room) {
  const list = h("ul", { class: "plain" });
  const more = h("button", { type: "button", hidden: true }, t("web.older"));
  const send = (values) =>
    attempt(() =>
      post("/posts", { room, text: values.text, language: document.documentElement.lang })
    );
  const text = h("textarea", { name: "text", required: true, maxlength: 5000 });
  fill(
    view,
    h("p", {}, h("a", { href: "#/talk" }, `← ${t("place.talk")}`)),
    h("h1", {}, clean(room)),
    card(
      null,
      form(send, field(t("web.say"), text), h("button", { class: "main" }, t("action.send")))
    ),
    card(null, list, more)
  );
  const refresh = async () => {
    const page = await get("/posts", { room });
    fill(list, page.items.length ? page.items.map(postLine) : h("li", {}, t("web.no_posts")));
    arm(more, list, room, page.next);
  };
  await refresh();
  return { heard: (name) => (concerns(name) ? refresh() : undefined) };
}

function arm(more, list, room, cursor) {
  more.hidden = cursor === null;
  more.onclick = () =>
    attempt(async () => {
      const page = await get("/posts", { room, cursor });
      list.append(...page.items.map(postLine));
      arm(more, list, room, page.next);
    });
}

function postLine(item) {
  const erase = () => {
    if (confirm(t("web.sure_delete"))) attempt(() => remove(`/posts/${item.id}`));
  };
  const edited = item.edited ? ` · ${t("web.edited")}` : "";
  return h(
    "li",
    {},
    h("p", { class: "soft" }, `${clean(item.author.name)} · ${when(item.time)}${edited}`),
    h("p", { class: "text", lang: item.language ?? null }, item.text),
    item.mine && h("button", { type: "button", onclick: erase }, t("action.delete"))
  );
}

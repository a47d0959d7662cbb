// Talk: rooms, the posts of one, and a post with its replies.

import { Split } from "../../base/parts.js";
import { html } from "../../base/ui.js";
import { Room } from "./room.js";
import { Rooms } from "./rooms.js";
import { Thread } from "./thread.js";

/** The list of rooms, and the room or the post named. */
export default function Talk({ path: [room, post] }) {
  return html`<${Split} list=${html`<${Rooms} chosen=${room} />`} detail=${detail(room, post)} />`;
}

function detail(room, post) {
  if (post !== undefined) return html`<${Thread} key=${post} room=${room} post=${post} />`;
  return room === undefined ? null : html`<${Room} key=${room} room=${room} />`;
}

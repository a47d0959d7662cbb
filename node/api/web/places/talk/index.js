// Talk: rooms, and the posts of one.

import { Split } from "../../base/parts.js";
import { html } from "../../base/ui.js";
import { Room } from "./room.js";
import { Rooms } from "./rooms.js";

/** The list of rooms, and the room named. */
export default function Talk({ path: [room] }) {
  const detail = room === undefined ? null : html`<${Room} key=${room} room=${room} />`;
  return html`<${Split} list=${html`<${Rooms} chosen=${room} />`} detail=${detail} />`;
}

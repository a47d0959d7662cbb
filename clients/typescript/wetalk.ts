/**
 * The client of a WeTalk node's local API.
 *
 * Written by tests/clients/generate.py from the OpenAPI document.
 */

import { Connection, part } from "./transport.ts";
import type { Options } from "./transport.ts";

export { WeTalkProblem } from "./transport.ts";
export type { EventOptions, Options, Settings, WeTalkEvent } from "./transport.ts";

/** An open application. */
export interface Application {
  id: string;
  member: Who;
  text: string;
  time: string;
  /** bears a one-time code */
  invited: boolean;
}

/** Open applications, oldest first. */
export interface Applications {
  items: Application[];
  next: string | null;
}

/** Asks a chapter to admit this member. `code`: hex of a one-time code. */
export interface ApplyIn {
  text?: string;
  code?: string | null;
}

/**
 * A report on a chapter. `velocity`: turnover over money in circulation, the mean of the sums
 * of balances above zero at the start and at the end.
 */
export interface Audit {
  chapter: string;
  month: string | null;
  unit: string;
  unit_name: string;
  decimals: number;
  trades: number;
  turnover: number;
  velocity: string | null;
  positive: number;
  negative: number;
  sum_of_balances: number;
  adds_up: boolean;
  /** trades that no relays confirmed */
  unconfirmed: number;
  level: string;
  level_text: string;
  level_means: string;
  root: string;
  /** 0: never */
  verified_records: number;
  verified_at: string | null;
  scratch_at: string | null;
  /** the close of this month */
  close: string | null;
  close_verdict: "agrees" | "differs" | "unknown" | null;
  members: AuditMember[];
  open: AuditTrade[];
  refunds: AuditTrade[];
  grants: AuditGrant[];
  /** relays that signed two stories */
  witnesses: string[];
}

/** A limit that was granted in the period, and the one it replaced. */
export interface AuditGrant {
  act: string;
  member: Who;
  limit: number;
  before: number | null;
  by: Who;
  time: string;
  state: "current" | "replaced" | "withdrawn";
  state_text: string;
}

/** A member in the period: opening + received - given = closing, minor units. */
export interface AuditMember {
  member: string;
  name: string;
  membership: string;
  limit: number | null;
  opening: number;
  received: number;
  given: number;
  closing: number;
  alerts: string[];
}

/** A trade that somebody should look at. */
export interface AuditTrade {
  trade: string;
  payer: Who;
  payee: Who;
  amount: number;
  unit: string;
  decimals: number;
  state: "reserved" | "offered" | "accepted" | "contested" | "refund";
  state_text: string;
  time: string;
  /** the trade that is given back */
  refunds: string | null;
}

/** Under which password a backup is sealed. Who loses it loses the backup. */
export interface BackupIn {
  password: string;
}

/**
 * A member's balance in a chapter, minor units of credit. `spendable`, `limit` and `reserved`
 * stand for this member's own account only.
 */
export interface Balance {
  member: Who;
  chapter: string;
  book: number;
  spendable: number | null;
  limit: number | null;
  reserved: number;
  unit: string;
  unit_name: string;
  decimals: number;
  level: string;
  level_text: string;
  level_means: string;
  /** trades that count and no relays confirmed */
  unconfirmed: number;
  closed: Closed | null;
  /** false where no relay of the chapter confirms */
  final: boolean;
  text: string;
  /** why this member cannot pay for now */
  notice: string | null;
  /** trades not counted */
  in_doubt: number;
  /** plus to be received */
  in_doubt_amount: number;
  in_doubt_text: string | null;
}

/** A chapter as the genesis document has it. Limits in minor units of credit. */
export interface Chapter {
  name: string;
  officers: Who[];
  /** officers an act needs */
  approvals: number;
  /** relays that confirm trades */
  relays: number;
  /** confirmations that make one final */
  quorum: number;
  /** what that bears, in words */
  relay_texts: string[];
  /** keys of relays that confirmed contradictions */
  convicted: string[];
  convicted_texts: string[];
  default_limit: number;
  limit_max: number;
  /** of this member */
  membership: "officer" | "member" | "suspended" | "applicant" | "none";
}

/** A close that stands, and whether own books come to the same. */
export interface Close {
  id: string;
  chapter: string;
  month: string;
  time: string;
  officers: Who[];
  totals: CloseTotals;
  /** own result; null: not compared yet */
  own: CloseTotals | null;
  verdict: "agrees" | "differs" | "unknown";
  text: string;
  unit: string;
  decimals: number;
}

/** Close a month that is over; without one, the last that is over. */
export interface CloseIn {
  chapter?: string | null;
  month?: string | null;
}

/** A tree over the balances of a chapter. */
export interface CloseTotals {
  count: number;
  negative: number;
  positive: number;
  root: string;
}

/** What the newest close that own books agree with says of a balance, minor units. */
export interface Closed {
  month: string;
  close: string;
  balance: number;
  /** what it changed since */
  since: number;
  /** whether anything moved since */
  moved: boolean;
  text: string;
}

/** The closes that stand, newest month first. */
export interface Closes {
  items: Close[];
}

/** A QR code: `path` draws its dark modules (SVG), in a square of `size` with its margin. */
export interface Code {
  size: number;
  path: string;
}

/** The community this home belongs to. */
export interface Community {
  id: string;
  name: string;
  rules: number;
  languages: ("ko" | "zh" | "en" | string)[];
  unit: string;
  /** what people call it */
  unit_name: string;
  decimals: number;
  chapters: Chapter[];
  /** state root, if asked for */
  root: string | null;
}

/** How far relays have confirmed: `given` of `relays`, of whom `needed` make it final. */
export interface Confirmations {
  given: number;
  needed: number;
  relays: number;
}

/** A contact. */
export interface Contact {
  member: string;
  name: string;
  note: string;
  added: string;
}

/** What this member calls somebody. Never leaves this machine. */
export interface ContactIn {
  member: string;
  name: string;
  note?: string;
}

/** All contacts, by name. */
export interface Contacts {
  items: Contact[];
  next: string | null;
}

/** What a member gave and received in one unit, minor units. Nobody owes any of it. */
export interface Contribution {
  unit: string;
  /** what people call it */
  name: string;
  decimals: number;
  given: number;
  received: number;
  given_text: string;
  received_text: string;
  /** the chapter says that it counts */
  counts: boolean;
}

/** Totals by unit: trades in money, hours, barter and gifts move no credit. */
export interface Contributions {
  member: Who;
  chapter: string;
  items: Contribution[];
}

/** What became of an officer's wish: an act, or a proposal that waits for other officers. */
export interface Decision {
  /** the act, or this officer's approval */
  id: string;
  /** hash of the content, names the proposal */
  proposal: string;
  done: boolean;
  /** officers, this one included */
  agreed: number;
  needed: number;
  text: string;
}

/** A device of this member. */
export interface Device {
  device: string;
  scopes: string[];
  revoked: boolean;
  /** the device this node runs on */
  this: boolean;
  late: Late | null;
}

/** All devices of this member. */
export interface Devices {
  items: Device[];
  next: string | null;
}

/** Room on the home's disk, and what the data takes. */
export interface Disk {
  free_bytes: number;
  used_bytes: number;
  writing: boolean;
  problem: string | null;
}

/** A case as this member sees it now. `until`: when its stage moves on by itself. */
export interface Dispute {
  id: string;
  trade: string;
  chapter: string;
  opener: Who;
  payer: Who;
  payee: Who;
  amount: number;
  amount_text: string;
  unit: string;
  decimals: number;
  opened: string;
  stage: "agreeing" | "asking" | "judging" | "alone" | "closed" | "advice" | "owed" | "paying" | "paid";
  text: string;
  until: string | null;
  /** mediators who judge together */
  seats: number;
  /** votes that decide */
  needed: number;
  mediators: Mediator[];
  outcome: OutcomeShown | null;
  /** of the trade, so far */
  given_back: number;
  given_back_text: string;
  /** trade by which the chapter pays */
  payment: string | null;
  roles: string[];
  next_steps: string[];
  next_texts: string[];
  /** it waits for this member */
  waits: boolean;
}

/** A case with what was said in it, oldest first. */
export interface DisputeDetail {
  id: string;
  trade: string;
  chapter: string;
  opener: Who;
  payer: Who;
  payee: Who;
  amount: number;
  amount_text: string;
  unit: string;
  decimals: number;
  opened: string;
  stage: "agreeing" | "asking" | "judging" | "alone" | "closed" | "advice" | "owed" | "paying" | "paid";
  text: string;
  until: string | null;
  /** mediators who judge together */
  seats: number;
  /** votes that decide */
  needed: number;
  mediators: Mediator[];
  outcome: OutcomeShown | null;
  /** of the trade, so far */
  given_back: number;
  given_back_text: string;
  /** trade by which the chapter pays */
  payment: string | null;
  roles: string[];
  next_steps: string[];
  next_texts: string[];
  /** it waits for this member */
  waits: boolean;
  said: Said[];
}

/** A trade that went wrong, and what happened, for the other side and the mediators. */
export interface DisputeIn {
  trade: string;
  text: string;
}

/** Cases of this member, the newest first. */
export interface Disputes {
  items: Dispute[];
  next: string | null;
}

/** New text for an own post. */
export interface EditIn {
  text: string;
}

/** Something said, to be erased everywhere. */
export interface EraseIn {
  evidence: string;
}

/** Something to say in a case; only its parties and mediators can read it. */
export interface EvidenceIn {
  text: string;
}

/** So many files with so many bytes. */
export interface Files {
  count: number;
  bytes: number;
}

/** Something that does not add up: what, and the id or name it concerns. */
export interface Finding {
  code: string;
  subject: string;
  text: string;
}

/** A limit for a member, minor units of credit. */
export interface GrantIn {
  member: string;
  limit: number;
}

/** How a greeting is wanted. */
export interface GreetingIn {
  /** how long a part may be: what a QR code of the wanted size holds */
  part_characters?: number;
  /** with the parts drawn as QR codes */
  drawn?: boolean;
}

/** The newest record of one of this device's lanes. */
export interface Head {
  lane: string;
  seq: number;
  id: string;
}

/** Something useful to do next. */
export interface Hint {
  code: string;
  text: string;
  command: string | null;
}

/** Something that was found: a post or a listing. */
export interface Hit {
  post: Post | null;
  listing: Listing | null;
}

/** What was found, best first. */
export interface Hits {
  items: Hit[];
  next: string | null;
}

/** Who this device speaks for. */
export interface Identity {
  member: string;
  device: string;
  community: string;
  /** the 24 words still lie in a file */
  words_waiting: boolean;
  words_file: string | null;
  /** another copy of this home has signed */
  home_copied: boolean;
  /** account records wait until a neighbour showed our own heads */
  waiting_for_echo: boolean;
  restoring: boolean;
}

/** What became of the lines of an import. */
export interface ImportReport {
  read: number;
  accepted: number;
  duplicate: number;
  void: number;
  rejected: Record<string, number>;
  deferred: number;
}

/** A link to hand over, and when its code ends. */
export interface Invitation {
  link: string;
  expires: string | null;
  /** the link to scan, if it fits into one */
  code: Code | null;
}

/** What an invitation is for. `code` makes one that admits its bearer once, at once. */
export interface InvitationIn {
  chapter?: string | null;
  code?: boolean;
}

/** An invitation, and the 24 words of this member. */
export interface JoinIn {
  link: string;
  words: string;
}

/** The node starts again in the other community. */
export interface Joining {
  restarting: boolean;
  community: string;
}

/** Whether the home network is open. */
export interface Lan {
  /** whether the owner wants it open */
  on: boolean;
  state: "off" | "starting" | "on" | "failed";
  url: string | null;
  certificate: LanCertificate | null;
  pairings: LanPairing[];
  text: string;
}

/** What to compare on both sides. */
export interface LanCertificate {
  /** SHA-256 of the certificate, as browsers show it */
  fingerprint: string;
  /** made of the same */
  digits: string;
  until: string;
}

/** Open or close the home network. Left out: the address that the system uses, the port kept. */
export interface LanIn {
  on: boolean;
  address?: string | null;
  port?: number | null;
}

/** A code, as it stood in the fragment. */
export interface LanPairIn {
  code: string;
}

/** A token for the phone; its secret is told this once. */
export interface LanPaired {
  id: string;
  name: string;
  scopes: ("read" | "talk" | "trade" | "admin")[];
  created: string;
  expires: string | null;
  /** false: it has expired */
  good: boolean;
  text: string;
  token: string;
  certificate: LanCertificate | null;
}

/** A code that lets one phone in; `token` is the id of what it was exchanged for. */
export interface LanPairing {
  pairing: string;
  name: string;
  expires: string;
  token: string | null;
}

/** A phone to let in: what to call it, what it may do, for how many days. */
export interface LanPairingIn {
  name: string;
  scopes: ("read" | "talk" | "trade" | "admin")[];
  days?: number;
}

/** The code, in the fragment of a link; shown this once. `qr` is the link, drawn. */
export interface LanPairingMade {
  pairing: string;
  name: string;
  expires: string;
  token: string | null;
  code: string;
  link: string;
  certificate: LanCertificate;
  qr: Code;
}

/** What an old device did beyond its cut. `left`: its owner has said that it was not theirs. */
export interface Late {
  payments: LatePayment[];
  left: boolean;
  text: string;
}

/** A payment of an old device that became known after it was shut out. */
export interface LatePayment {
  trade: string;
  partner: Who;
  amount: number;
  unit: string;
  decimals: number;
}

/** What an old device did was not this member's: it stays in doubt. */
export interface LeaveIn {
  device: string;
}

/** A listing as shown. */
export interface Listing {
  id: string;
  author: Who;
  mine: boolean;
  kind: "gift" | "goods" | "loan" | "service" | "share" | "want";
  title: string;
  text: string;
  price: Price;
  region: string | null;
  stock: "few" | "many" | "one" | "unknown";
  tags: string[];
  language: string | null;
  time: string;
  until: string | null;
  state: "active" | "paused" | "expired";
  pictures: Picture[];
}

/** What to change of an own listing; what is left out stays. */
export interface ListingChange {
  kind?: "gift" | "goods" | "loan" | "service" | "share" | "want" | null;
  title?: string | null;
  text?: string | null;
  price?: PriceIn | null;
  region?: string | null;
  stock?: "few" | "many" | "one" | "unknown" | null;
  tags?: string[] | null;
  language?: string | null;
  until?: string | null;
  pictures?: PictureIn[] | null;
  state?: "active" | "paused" | null;
}

/** Something to offer, or (kind `want`) to ask for. A region is a coarse one, no address. */
export interface ListingIn {
  kind: "gift" | "goods" | "loan" | "service" | "share" | "want";
  title: string;
  text?: string;
  price?: PriceIn;
  region?: string | null;
  stock?: "few" | "many" | "one" | "unknown";
  tags?: string[];
  language?: string | null;
  /** when it ends by itself */
  until?: string | null;
  /** as they are shown */
  pictures?: PictureIn[];
  state?: "active" | "paused";
}

/** Listings, newest first. */
export interface Listings {
  items: Listing[];
  next: string | null;
}

/** The id of the record that was made. */
export interface Made {
  id: string;
}

/**
 * Somebody who may judge the case, in the order in which they are asked. `spare`: took it when
 * the seats were full.
 */
export interface Mediator {
  member: Who;
  state: "seated" | "asked" | "next" | "left" | "spare";
  vote: OutcomeShown | null;
}

/** A member in a chapter; amounts in minor units of credit. `limit` null: none granted. */
export interface Member {
  id: string;
  name: string;
  contact: string | null;
  chapter: string;
  membership: "officer" | "member" | "suspended" | "applicant" | "none";
  balance: number;
  limit: number | null;
  unit: string;
  decimals: number;
  ratings: number;
  /** mean of them */
  stars: number | null;
  alerts: string[];
  alert_texts: string[];
}

/** A member with what they say of themselves, and what others say, the newest first. */
export interface MemberDetail {
  id: string;
  name: string;
  contact: string | null;
  chapter: string;
  membership: "officer" | "member" | "suspended" | "applicant" | "none";
  balance: number;
  limit: number | null;
  unit: string;
  decimals: number;
  ratings: number;
  /** mean of them */
  stars: number | null;
  alerts: string[];
  alert_texts: string[];
  reputation: Reputation;
  said: Rating[];
  about: string;
  languages: string[];
  region: string | null;
}

/** A member an act is about. */
export interface MemberIn {
  member: string;
}

/** Members in order of id. */
export interface Members {
  items: Member[];
  next: string | null;
}

/** What keeps the books from a level. */
export interface Missing {
  level: string;
  code: string;
  chapter: string;
  text: string;
}

/** What a month saw; `volume` in minor units of credit. */
export interface MonthTotal {
  month: string;
  trades: number;
  volume: number;
}

/** One line of a statement: plus received, minus given. */
export interface Movement {
  trade: string;
  commit: string;
  partner: Who;
  amount: number;
  time: string;
  for: string | null;
  /** the trade that this one gives back */
  refunds: string | null;
}

/**
 * How a note is wanted. `full`: with all that the other side is not known to hold, for a file;
 * else without what both had from the network, so that it fits a QR code.
 */
export interface NoteIn {
  full?: boolean;
  /** how long a part may be: what a QR code of the wanted size holds */
  part_characters?: number;
  /** with the parts drawn as QR codes */
  drawn?: boolean;
}

/** A note to hand over, in parts; `partner` is null for a greeting, which is for anybody. */
export interface NoteOut {
  partner: Who | null;
  trades: Told[];
  /** how many it brings */
  records: number;
  /** of the note, bytes */
  size: number;
  parts: string[];
  codes: Code[];
}

/**
 * The parts of one note, in any order. `anyway` settles before neighbours confirmed our last
 * records.
 */
export interface NotesIn {
  parts: string[];
  anyway?: boolean;
  /** how long a part may be: what a QR code of the wanted size holds */
  part_characters?: number;
  /** with the parts drawn as QR codes */
  drawn?: boolean;
}

/** Done; there is nothing to tell. */
export interface Nothing {
}

/** A line of a statement in another unit, which no balance counts. */
export interface OtherMovement {
  trade: string;
  commit: string;
  partner: Who;
  amount: number;
  time: string;
  for: string | null;
  /** the trade that this one gives back */
  refunds: string | null;
  unit: string;
  /** what people call it */
  unit_name: string;
  decimals: number;
}

/** What somebody voted for, or what came out. */
export interface OutcomeShown {
  to: "nobody" | "payee" | "payer";
  amount: number;
  text: string;
}

/** `anyway` signs before neighbours confirmed our last records. */
export interface PayIn {
  anyway?: boolean;
}

/** A connected neighbour. */
export interface Peer {
  peer: string;
  host: string;
  dialled: boolean;
  since_s: number;
  in_sync: boolean;
  rtt_s: number | null;
  bytes_in: number;
  bytes_out: number;
  records_in: number;
  /** it still has to send */
  records_left: number;
}

/** A neighbour's address (multiaddress with peer id). */
export interface PeerIn {
  address: string;
}

/** Who is connected, and what to say about it. */
export interface Peers {
  items: Peer[];
  next: string | null;
  addresses: string[];
  text: string;
}

/** A picture of a listing. `text`: what is to be seen, for those who cannot see it. */
export interface Picture {
  text: string;
  large: PictureFile;
  /** for lists, at most 320 pixels a side */
  small: PictureFile;
}

/** What to change of the bounds, in bytes; what is left out stays. 0 for none. */
export interface PictureBounds {
  room?: number | null;
  ahead?: number | null;
}

/** A file of a picture. `here`: its bytes are on this node; else asking fetches them. */
export interface PictureFile {
  id: string;
  url: string;
  media: "image/jpeg" | "image/png" | "image/webp";
  size: number;
  width: number;
  height: number;
  here: boolean;
}

/**
 * A picture that a listing shall have: the id of `large`, as POST /pictures gave it, or of one
 * that the listing has already. Without words those it had, else the listing's title.
 */
export interface PictureIn {
  id: string;
  text?: string;
}

/** A photo made fit: nothing of it is left but pixels. It waits a day for its listing. */
export interface PictureMade {
  large: PictureFile;
  small: PictureFile;
}

/**
 * The bytes are not here yet. `coming`: they are being fetched; `nobody` of the neighbours has
 * them now; `alone`: there is no neighbour. The event `picture` tells when they arrive.
 */
export interface PictureWaiting {
  state: "coming" | "nobody" | "alone";
  text: string;
}

/**
 * What is here, and its bounds: `room` for others' pictures, of which the least looked at go
 * first; `ahead` in a day of pictures nearby before anybody looks at them. Both in bytes.
 */
export interface PicturesHeld {
  own: Files;
  others: Files;
  room: number;
  ahead: number;
}

/** The policy in force. `id` null: nothing was decided, these are the defaults. */
export interface Policy {
  chapter: string;
  counts: string[];
  faith_days: number;
  mediators: Who[];
  secured_from: number | null;
  unit: string;
  decimals: number;
  id: string | null;
  /** the policy in a few plain sentences */
  text: string;
}

/** How members' programs act in a chapter; replaces the policy as a whole. */
export interface PolicyIn {
  /** units other than credit whose trades count as contributions */
  counts: string[];
  /** days for two parties to agree before mediators are called */
  faith_days: number;
  mediators: string[];
  /** minor units of credit from which goods wait for confirmation; null: never */
  secured_from: number | null;
}

/** A post. `edited`: claimed time of the edit shown; `reply_count`: replies, at most 100. */
export interface Post {
  id: string;
  author: Who;
  room: string;
  text: string;
  language: string | null;
  reply_to: string | null;
  time: string;
  edited: string | null;
  reply_count: number;
  mine: boolean;
}

/** A post with its replies, oldest first. */
export interface PostDetail {
  id: string;
  author: Who;
  room: string;
  text: string;
  language: string | null;
  reply_to: string | null;
  time: string;
  edited: string | null;
  reply_count: number;
  mine: boolean;
  replies: Post[];
}

/** Something to say in a room. */
export interface PostIn {
  room: string;
  text: string;
  language?: string | null;
  reply_to?: string | null;
}

/** Posts, newest first. */
export interface Posts {
  items: Post[];
  next: string | null;
}

/** A price as shown; amount, unit and decimals are null unless `form` is `amount`. */
export interface Price {
  form: "ask" | "free" | "amount";
  amount: number | null;
  unit: string | null;
  decimals: number | null;
}

/** A price: `ask`, `free`, or an amount in minor units of `unit`. */
export interface PriceIn {
  form: "ask" | "free" | "amount";
  amount?: number | null;
  unit?: string;
  /** left out: those of the unit */
  decimals?: number | null;
}

/** Why something was not done (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  values: Record<string, unknown>;
}

/** How a member is shown; empty where they have not said. */
export interface Profile {
  member: string;
  name: string;
  about: string;
  languages: string[];
  region: string | null;
}

/** How a member wants to be shown. */
export interface ProfileIn {
  name: string;
  about?: string;
  languages?: string[];
  region?: string | null;
}

/** An act that an officer asks the others to agree to. */
export interface Proposal {
  /** hash of the content */
  id: string;
  kind: "member.admit" | "member.suspend" | "credit.grant" | "chapter.policy" | "chapter.close";
  text: string;
  time: string;
  /** who has agreed */
  officers: Who[];
  /** this officer has agreed */
  mine: boolean;
  needed: number;
  member: Who | null;
}

/** Open proposals, oldest first. */
export interface Proposals {
  items: Proposal[];
}

/** A rating of the other side, once a trade. */
export interface RateIn {
  stars: number;
  text?: string;
}

/** One rating, by a party of a committed trade. `text` null: none, or erased. */
export interface Rating {
  id: string;
  trade: string;
  author: Who;
  stars: number;
  text: string | null;
  time: string;
  amount: number;
  amount_text: string;
  unit: string;
  decimals: number;
  given_back: number;
  contested: boolean;
  /** the author, today */
  in_good_standing: boolean;
  /** what weakens it */
  marks: string[];
}

/** What an old device did was this member's, all of it or `through` a trade. */
export interface RecogniseIn {
  device: string;
  words: string;
  /** of this computer's key, if it has one */
  password?: string | null;
  through?: string | null;
}

/** A refund of a trade: a trade of its own, the other way round. */
export interface Refund {
  id: string;
  amount: number;
  amount_text: string;
  state: "proposed" | "accepted" | "declined" | "released" | "settled" | "secured";
  state_text: string;
}

/** How much to give back, or to ask for, minor units; null: all that is left. */
export interface RefundIn {
  amount?: number | null;
  anyway?: boolean;
}

/** What this device has done as a relay that confirms payments. */
export interface Relay {
  key: string;
  chapters: string[];
  confirmations: number;
  last: string | null;
  /** it confirmed two contradictory histories */
  convicted: boolean;
}

/** Makes a new key on this computer. `both`: what another copy of it signed was ours too. */
export interface RenewIn {
  words: string;
  /** of this computer's key, if it has one */
  password?: string | null;
  both?: boolean;
}

/** A member's account that has no limit, and gets none without an officer's yes. */
export interface Renewal {
  member: Who;
  /** the account */
  open: string;
  reason: string;
  reason_text: string;
  /** else the member has something to do first */
  may_be_granted: boolean;
  /** of the account it goes on from */
  limit: number;
  unit: string;
  decimals: number;
  /** the fork that a grant would name */
  proof: string | null;
  /** the member's payments in doubt */
  contested: string[];
}

/** Accounts that wait for an officer, in order of member. */
export interface Renewals {
  items: Renewal[];
  next: string | null;
}

/** The new key, the devices that it takes the place of, and why its limit has to wait. */
export interface Renewed {
  device: string;
  shut_out: string[];
  /** the new account */
  opened: string | null;
}

/**
 * What ratings of a member rest on. Stars never stand alone: see beside them. `stars`: how many
 * ratings of 5, 4, 3, 2 and 1. Ratings of contested trades are not counted.
 */
export interface Reputation {
  stars: Record<string, number>;
  ratings: number;
  raters: number;
  /** of them, members in good standing */
  good_raters: number;
  /** ratings left out */
  contested: number;
  /** counted, but given back */
  refunded: number;
  /** committed, rated or not */
  trades: number;
  partners: number;
  /** credit given and received */
  volume: number;
  text: string;
}

/** Brings a member back whose records have come. */
export interface RestoreIn {
  words: string;
  /** the first trade that was not this member's */
  since?: string | null;
}

/** The member is back; these devices were shut out. */
export interface Restored {
  shut_out: string[];
}

/** Shuts a device out. `open` lets what it signed stand: it was merely put away. */
export interface RevokeIn {
  device: string;
  words: string;
  open?: boolean;
  /** the first trade on it that was not this member's */
  since?: string | null;
}

/** A room and its newest post. */
export interface RoomLine {
  name: string;
  newest: Post | null;
}

/** Rooms with live posts; those with the newest posts first. */
export interface Rooms {
  items: RoomLine[];
  next: string | null;
}

/** The state root: equal on all honest nodes that hold the same records. */
export interface Root {
  chapter: string | null;
  root: string;
  sections: Section[];
}

/** Something said in a case; `text` null: sealed, and not readable on this device. */
export interface Said {
  id: string;
  author: Who;
  time: string;
  text: string | null;
}

/** One part of the state root. */
export interface Section {
  name: string;
  hash: string;
}

/**
 * A month (UTC): opening and movements add up to closing. `others` are trades in other units,
 * in no sum.
 */
export interface Statement {
  member: Who;
  chapter: string;
  month: string;
  unit: string;
  unit_name: string;
  decimals: number;
  opening: number;
  movements: Movement[];
  others: OtherMovement[];
  closing: number;
  /** of the closing balance */
  level: string;
  level_text: string;
  level_means: string;
  /** of the month, and not counted */
  in_doubt: Movement[];
}

/** How the node is. */
export interface Status {
  version: string;
  home: string;
  started: string;
  member: Who;
  community: string;
  community_id: string;
  records: number;
  heads: Head[];
  addresses: string[];
  sync: Sync;
  disk: Disk;
  /** null: this device confirms nothing */
  relay: Relay | null;
  next: Hint[];
}

/** The next step of a trade. `anyway` signs before neighbours confirmed our last records. */
export interface StepIn {
  anyway?: boolean;
}

/** How far this node is with its neighbours. */
export interface Sync {
  network: "starting" | "running" | "off" | "failed";
  neighbours: number;
  in_sync: number;
  waiting: number;
  text: string;
}

/** Whether a mediator who is asked takes the case, or leaves it to the next. */
export interface TakeIn {
  takes?: boolean;
}

/**
 * What became of a note, and the answer to hand back (null: none is waited for). `lacking`: how
 * many records it rests on are not here; `unsettled`: trades that wait, and `unsettled_text`
 * says for what.
 */
export interface Taken {
  sender: Who;
  /** made by this very member */
  own: boolean;
  trades: TakenTrade[];
  accepted: number;
  duplicate: number;
  rejected: number;
  lacking: number;
  settled: string[];
  unsettled: string[];
  unsettled_text: string | null;
  answer: NoteOut | null;
  text: string;
}

/** A trade that a note is about; `trade` is null where not all of it is here yet. */
export interface TakenTrade {
  id: string;
  standing: "unknown" | "asked" | "accepted" | "off" | "agreed" | "paid" | "unconfirmed" | "final" | "doubt";
  final: boolean;
  text: string;
  trade: Trade | null;
}

/** Two members who traded, and how often. */
export interface Tie {
  one: Who;
  other: Who;
  trades: number;
}

/** Who trades with whom in a chapter: at most 500 ties, most trades first; months by name. */
export interface Ties {
  chapter: string;
  items: Tie[];
  /** ties there are */
  count: number;
  months: MonthTotal[];
  unit: string;
  unit_name: string;
  decimals: number;
}

/** A client's token, without its secret. */
export interface Token {
  id: string;
  name: string;
  scopes: ("read" | "talk" | "trade" | "admin")[];
  created: string;
  expires: string | null;
  /** false: it has expired */
  good: boolean;
  text: string;
}

/** A token for a client: never more than the asking token may do itself. */
export interface TokenIn {
  name: string;
  scopes: ("read" | "talk" | "trade" | "admin")[];
  days?: number | null;
}

/** A new token; its secret is told this once. */
export interface TokenMade {
  id: string;
  name: string;
  scopes: ("read" | "talk" | "trade" | "admin")[];
  created: string;
  expires: string | null;
  /** false: it has expired */
  good: boolean;
  text: string;
  token: string;
}

/** All tokens of clients. */
export interface Tokens {
  items: Token[];
  next: string | null;
}

/** How sure a trade is, in one sentence. `final`: nobody can change it any more. */
export interface Told {
  id: string;
  standing: "unknown" | "asked" | "accepted" | "off" | "agreed" | "paid" | "unconfirmed" | "final" | "doubt";
  final: boolean;
  text: string;
}

/**
 * A trade as its parties see it. `next_steps`: what this member may do now. `given_back`: by
 * refunds so far; `giving_back`: offered or asked for, not settled yet; `left`: what may still
 * be given back.
 */
export interface Trade {
  id: string;
  payer: Who;
  payee: Who;
  /** the other side */
  partner: Who;
  amount: number;
  unit: string;
  decimals: number;
  amount_text: string;
  state: "proposed" | "accepted" | "declined" | "released" | "settled" | "secured";
  state_text: string;
  invoice: boolean;
  contested: boolean;
  /** the trade that this one gives back */
  refunds: string | null;
  given_back: number;
  giving_back: number;
  left: number;
  time: string;
  /** known to its parties only */
  for: string | null;
  next_steps: string[];
  level: string;
  level_text: string;
  level_means: string;
  /** why a contested trade does not count, as this member is concerned */
  doubt: "payer" | "payee" | "other" | "refund" | null;
  doubt_text: string | null;
  alerts: string[];
  alert_texts: string[];
  /** may the seller hand over? `hand-over`: paid, and no relay must confirm */
  goods: "wait" | "hand-over" | "confirmed" | "none";
  goods_text: string;
  confirmations: Confirmations;
  /** null where no relay confirms */
  confirmations_text: string | null;
}

/** A trade with its steps in order of arrival, and all refunds of it. */
export interface TradeDetail {
  id: string;
  payer: Who;
  payee: Who;
  /** the other side */
  partner: Who;
  amount: number;
  unit: string;
  decimals: number;
  amount_text: string;
  state: "proposed" | "accepted" | "declined" | "released" | "settled" | "secured";
  state_text: string;
  invoice: boolean;
  contested: boolean;
  /** the trade that this one gives back */
  refunds: string | null;
  given_back: number;
  giving_back: number;
  left: number;
  time: string;
  /** known to its parties only */
  for: string | null;
  next_steps: string[];
  level: string;
  level_text: string;
  level_means: string;
  /** why a contested trade does not count, as this member is concerned */
  doubt: "payer" | "payee" | "other" | "refund" | null;
  doubt_text: string | null;
  alerts: string[];
  alert_texts: string[];
  /** may the seller hand over? `hand-over`: paid, and no relay must confirm */
  goods: "wait" | "hand-over" | "confirmed" | "none";
  goods_text: string;
  confirmations: Confirmations;
  /** null where no relay confirms */
  confirmations_text: string | null;
  steps: TradeStep[];
  refunded_by: Refund[];
  /** what went back */
  refund_texts: string[];
}

/** A payment to propose, or an invoice to send. `anyway` signs before neighbours confirmed. */
export interface TradeIn {
  direction: "pay" | "invoice";
  partner: string;
  amount: number;
  unit?: string;
  for?: string;
  /** a trade this one gives back */
  refunds?: string | null;
  /** after this, programs refuse to accept it */
  valid_until?: string | null;
  anyway?: boolean;
}

/** One step of a trade. */
export interface TradeStep {
  id: string;
  kind: string;
  author: Who;
  time: string;
}

/** Own trades, newest first. */
export interface Trades {
  items: Trade[];
  next: string | null;
}

/** A unit that trades may be counted in. */
export interface UnitShown {
  unit: string;
  /** what people call it */
  name: string;
  decimals: number;
  /** chapters where it counts as a contribution */
  counts_in: string[];
}

/** What a verification found, and the level it reached. */
export interface Verified {
  ok: boolean;
  /** null: not even the stored bytes hold */
  level: string | null;
  level_text: string | null;
  level_means: string | null;
  records: number;
  /** looked at this time */
  checked: number;
  /** found sound by earlier checks */
  before: number;
  /** when that was */
  before_at: string | null;
  /** when all was last recomputed */
  scratch_at: string | null;
  /** went on where a check was cut short */
  resumed: boolean;
  trades: number;
  accounts: number;
  sum_of_balances: number;
  root: string | null;
  seconds: number;
  findings: Finding[];
  missing: Missing[];
  /** what no level says */
  never: string;
}

/** `from_scratch` computes everything anew from the stored records. */
export interface VerifyIn {
  from_scratch?: boolean;
}

/** Who should get how much, minor units; `nobody` gets 0. `note`: why, for parties and panel. */
export interface VoteIn {
  to: "nobody" | "payee" | "payer";
  amount?: number;
  note?: string;
}

/** A member, and what to call them here. */
export interface Who {
  id: string;
  name: string;
}

/** The 24 words as their owner typed them from their own note. */
export interface WordsIn {
  words: string;
}

/** The API of one node, with one token. */
export class WeTalk extends Connection {
  /** How the node is, and what to do next. */
  getStatus(options: Options = {}): Promise<Status> {
    return this.call("GET", "/status", {}, options);
  }

  /** Who this device speaks for. */
  getIdentity(options: Options = {}): Promise<Identity> {
    return this.call("GET", "/identity", {}, options);
  }

  /** Check the 24 words against this member, then remove the file that holds them. */
  postIdentityConfirm(body: WordsIn, options: Options = {}): Promise<Nothing> {
    return this.call("POST", "/identity/confirm", { body }, options);
  }

  /** Speak for a member whose records have come back, with the 24 words; shuts the devices. */
  postIdentityRestore(body: RestoreIn, options: Options = {}): Promise<Restored> {
    return this.call("POST", "/identity/restore", { body }, options);
  }

  /** The tokens of clients, without their secrets. */
  getTokens(options: Options = {}): Promise<Tokens> {
    return this.call("GET", "/tokens", {}, options);
  }

  /** Make a token for a client; its secret is told this once. */
  postTokens(body: TokenIn, options: Options = {}): Promise<TokenMade> {
    return this.call("POST", "/tokens", { body }, options);
  }

  /** Take a client's token back: it ends at once, and so do its open event streams. */
  deleteToken(token: string, options: Options = {}): Promise<Nothing> {
    return this.call("DELETE", `/tokens/${part(token)}`, { once: true }, options);
  }

  /** Neighbours connected now, and where this node can be dialled. */
  getPeers(options: Options = {}): Promise<Peers> {
    return this.call("GET", "/peers", {}, options);
  }

  /** Dial a neighbour, now and whenever it is lost. */
  postPeers(body: PeerIn, options: Options = {}): Promise<Nothing> {
    return this.call("POST", "/peers", { body, once: true }, options);
  }

  /** Whether phones on the home network can come in, and at which address. */
  getLan(options: Options = {}): Promise<Lan> {
    return this.call("GET", "/lan", {}, options);
  }

  /** Open the home network, or close it; codes that were not used end with it. */
  putLan(body: LanIn, options: Options = {}): Promise<Lan> {
    return this.call("PUT", "/lan", { body, once: true }, options);
  }

  /** Make a code that lets one phone in, once, within a few minutes. */
  postLanPairings(body: LanPairingIn, options: Options = {}): Promise<LanPairingMade> {
    return this.call("POST", "/lan/pairings", { body }, options);
  }

  /** Make every code that was not used yet worthless. */
  deleteLanPairings(options: Options = {}): Promise<Nothing> {
    return this.call("DELETE", "/lan/pairings", { once: true }, options);
  }

  /** Exchange a code for a token. This needs no token: the code is what opens. */
  postLanPair(body: LanPairIn, options: Options = {}): Promise<LanPaired> {
    return this.call("POST", "/lan/pair", { body }, options);
  }

  /** The devices of this member, and what became known later of those shut out. */
  getDevices(options: Options = {}): Promise<Devices> {
    return this.call("GET", "/devices", {}, options);
  }

  /** Shut a device out, with the 24 words. */
  postDevicesRevoke(body: RevokeIn, options: Options = {}): Promise<Made> {
    return this.call("POST", "/devices/revoke", { body, once: true }, options);
  }

  /** Make a new key on this computer, with the 24 words; the account goes on under it. */
  postDevicesRenew(body: RenewIn, options: Options = {}): Promise<Renewed> {
    return this.call("POST", "/devices/renew", { body, once: true }, options);
  }

  /** What an old device did was this member's: it counts after all, under a new key. */
  postDevicesRecognise(body: RecogniseIn, options: Options = {}): Promise<Renewed> {
    return this.call("POST", "/devices/recognise", { body, once: true }, options);
  }

  /** What an old device did was not this member's: it stays in doubt. */
  postDevicesLeave(body: LeaveIn, options: Options = {}): Promise<Nothing> {
    return this.call("POST", "/devices/leave", { body, once: true }, options);
  }

  /** Accounts without a limit that wait for an officer, and why. */
  getChapterRenewals(name: string, options: Options = {}): Promise<Renewals> {
    return this.call("GET", `/chapters/${part(name)}/renewals`, {}, options);
  }

  /** This member's own profile. */
  getProfile(options: Options = {}): Promise<Profile> {
    return this.call("GET", "/profile", {}, options);
  }

  /** Say how this member wants to be shown. */
  putProfile(body: ProfileIn, options: Options = {}): Promise<Profile> {
    return this.call("PUT", "/profile", { body, once: true }, options);
  }

  /** The founding document, and with `root` the state root of all that is held. */
  getCommunity(query: { root?: boolean } = {}, options: Options = {}): Promise<Community> {
    return this.call("GET", "/community", { query }, options);
  }

  /** Make an invitation to hand over. */
  postCommunityInvitations(body: InvitationIn, options: Options = {}): Promise<Invitation> {
    return this.call("POST", "/community/invitations", { body, once: true }, options);
  }

  /** Join another community in place of an empty one of one's own; the node starts again. */
  postCommunityJoin(body: JoinIn, options: Options = {}): Promise<Joining> {
    return this.call("POST", "/community/join", { body }, options);
  }

  /** Members of a chapter in order of id. */
  getMembers(
    query: { chapter?: string | null; state?: "officer" | "member" | "suspended" | "applicant" | "none" | null; cursor?: string | null; limit?: number } = {},
    options: Options = {},
  ): Promise<Members> {
    return this.call("GET", "/members", { query }, options);
  }

  /** Members of a chapter in order of id, page after page. */
  eachMember(
    query: { chapter?: string | null; state?: "officer" | "member" | "suspended" | "applicant" | "none" | null; cursor?: string | null; limit?: number } = {},
    options: Options = {},
  ): AsyncGenerator<Member, void> {
    return this.walk("/members", query, options);
  }

  /** A member with their balance, rating and what they say of themselves. */
  getMember(
    member: string,
    query: { chapter?: string | null } = {},
    options: Options = {},
  ): Promise<MemberDetail> {
    return this.call("GET", `/members/${part(member)}`, { query }, options);
  }

  /** Ask a chapter to admit this member. */
  postChapterApply(name: string, body: ApplyIn, options: Options = {}): Promise<Made> {
    return this.call("POST", `/chapters/${part(name)}/apply`, { body, once: true }, options);
  }

  /** Open applications to a chapter, oldest first. */
  getChapterRequests(name: string, options: Options = {}): Promise<Applications> {
    return this.call("GET", `/chapters/${part(name)}/requests`, {}, options);
  }

  /** Own names for members. They never leave this machine. */
  getContacts(options: Options = {}): Promise<Contacts> {
    return this.call("GET", "/contacts", {}, options);
  }

  /** Call a member by a name. */
  postContacts(body: ContactIn, options: Options = {}): Promise<Nothing> {
    return this.call("POST", "/contacts", { body, once: true }, options);
  }

  /** Forget a contact. */
  deleteContact(member: string, options: Options = {}): Promise<Nothing> {
    return this.call("DELETE", `/contacts/${part(member)}`, { once: true }, options);
  }

  /** Admit a member, and grant the default limit. */
  postChapterAdmit(name: string, body: MemberIn, options: Options = {}): Promise<Decision> {
    return this.call("POST", `/chapters/${part(name)}/admit`, { body, once: true }, options);
  }

  /** Suspend a member: honest programs stop trading with them; nothing is taken away. */
  postChapterSuspend(name: string, body: MemberIn, options: Options = {}): Promise<Decision> {
    return this.call("POST", `/chapters/${part(name)}/suspend`, { body, once: true }, options);
  }

  /** Grant a member's account a limit, minor units of credit. */
  postChapterGrant(name: string, body: GrantIn, options: Options = {}): Promise<Decision> {
    return this.call("POST", `/chapters/${part(name)}/grant`, { body, once: true }, options);
  }

  /** What officers ask one another to agree to, oldest first. */
  getChapterProposals(name: string, options: Options = {}): Promise<Proposals> {
    return this.call("GET", `/chapters/${part(name)}/proposals`, {}, options);
  }

  /** Say yes to a proposal. With enough officers it is done at once. */
  postChapterProposalAgree(
    name: string,
    proposal: string,
    options: Options = {},
  ): Promise<Decision> {
    return this.call("POST", `/chapters/${part(name)}/proposals/${part(proposal)}/agree`, { once: true }, options);
  }

  /** How members' programs act in this chapter. */
  getChapterPolicy(name: string, options: Options = {}): Promise<Policy> {
    return this.call("GET", `/chapters/${part(name)}/policy`, {}, options);
  }

  /** Set the policy as a whole (officers). */
  putChapterPolicy(name: string, body: PolicyIn, options: Options = {}): Promise<Decision> {
    return this.call("PUT", `/chapters/${part(name)}/policy`, { body, once: true }, options);
  }

  /** Rooms with their newest post, the liveliest first. */
  getRooms(options: Options = {}): Promise<Rooms> {
    return this.call("GET", "/rooms", {}, options);
  }

  /** Posts of a room, newest first. */
  getPosts(
    query: { room: string; cursor?: string | null; limit?: number },
    options: Options = {},
  ): Promise<Posts> {
    return this.call("GET", "/posts", { query }, options);
  }

  /** Posts of a room, newest first, page after page. */
  eachPost(
    query: { room: string; cursor?: string | null; limit?: number },
    options: Options = {},
  ): AsyncGenerator<Post, void> {
    return this.walk("/posts", query, options);
  }

  /** Say something in a room. */
  postPosts(body: PostIn, options: Options = {}): Promise<Made> {
    return this.call("POST", "/posts", { body, once: true }, options);
  }

  /** One post with its replies. */
  getPost(post: string, options: Options = {}): Promise<PostDetail> {
    return this.call("GET", `/posts/${part(post)}`, {}, options);
  }

  /** New text for an own post. */
  putPost(post: string, body: EditIn, options: Options = {}): Promise<Made> {
    return this.call("PUT", `/posts/${part(post)}`, { body, once: true }, options);
  }

  /** Erase an own post, here and on every node that learns of it. */
  deletePost(post: string, options: Options = {}): Promise<Made> {
    return this.call("DELETE", `/posts/${part(post)}`, { once: true }, options);
  }

  /** Listings, newest first; a page may be short and still go on. */
  getListings(
    query: { kind?: "gift" | "goods" | "loan" | "service" | "share" | "want" | null; region?: string | null; tag?: string | null; author?: string | null; cursor?: string | null; limit?: number } = {},
    options: Options = {},
  ): Promise<Listings> {
    return this.call("GET", "/listings", { query }, options);
  }

  /** Listings, newest first; a page may be short and still go on, page after page. */
  eachListing(
    query: { kind?: "gift" | "goods" | "loan" | "service" | "share" | "want" | null; region?: string | null; tag?: string | null; author?: string | null; cursor?: string | null; limit?: number } = {},
    options: Options = {},
  ): AsyncGenerator<Listing, void> {
    return this.walk("/listings", query, options);
  }

  /** Put up a listing. */
  postListings(body: ListingIn, options: Options = {}): Promise<Made> {
    return this.call("POST", "/listings", { body, once: true }, options);
  }

  /** One listing. */
  getListing(listing: string, options: Options = {}): Promise<Listing> {
    return this.call("GET", `/listings/${part(listing)}`, {}, options);
  }

  /** Change an own listing; what is left out stays. */
  putListing(listing: string, body: ListingChange, options: Options = {}): Promise<Made> {
    return this.call("PUT", `/listings/${part(listing)}`, { body, once: true }, options);
  }

  /** Take an own listing off for ever; with `erase` its texts go everywhere. */
  deleteListing(
    listing: string,
    query: { erase?: boolean } = {},
    options: Options = {},
  ): Promise<Made> {
    return this.call("DELETE", `/listings/${part(listing)}`, { query, once: true }, options);
  }

  /** Posts and listings in which every word occurs, best first. */
  getSearch(
    query: { words: string; kind?: "gift" | "goods" | "loan" | "service" | "share" | "want" | null; region?: string | null; max_price?: number | null; newest?: boolean; cursor?: string | null; limit?: number },
    options: Options = {},
  ): Promise<Hits> {
    return this.call("GET", "/search", { query }, options);
  }

  /** Posts and listings in which every word occurs, best first, page after page. */
  eachSearch(
    query: { words: string; kind?: "gift" | "goods" | "loan" | "service" | "share" | "want" | null; region?: string | null; max_price?: number | null; newest?: boolean; cursor?: string | null; limit?: number },
    options: Options = {},
  ): AsyncGenerator<Hit, void> {
    return this.walk("/search", query, options);
  }

  /** What is kept here of pictures, and its bounds. */
  getPictures(options: Options = {}): Promise<PicturesHeld> {
    return this.call("GET", "/pictures", {}, options);
  }

  /** Change how much is kept of others, and how much is fetched before anybody looks. */
  putPictures(body: PictureBounds, options: Options = {}): Promise<PicturesHeld> {
    return this.call("PUT", "/pictures", { body, once: true }, options);
  }

  /** Make a photo fit for a listing (JPEG, PNG or WebP), and keep it for one. */
  postPictures(file: Blob, options: Options = {}): Promise<PictureMade> {
    return this.call("POST", "/pictures", { file }, options);
  }

  /** The bytes of a file; or 202 while they are being fetched from neighbours. */
  getPicture(picture: string, options: Options = {}): Promise<Blob | null> {
    return this.fileOrNull("GET", `/pictures/${part(picture)}`, {}, options);
  }

  /** Own trades, newest first. */
  getTrades(
    query: { state?: "proposed" | "accepted" | "declined" | "released" | "settled" | "secured" | null; partner?: string | null; cursor?: string | null; limit?: number } = {},
    options: Options = {},
  ): Promise<Trades> {
    return this.call("GET", "/trades", { query }, options);
  }

  /** Own trades, newest first, page after page. */
  eachTrade(
    query: { state?: "proposed" | "accepted" | "declined" | "released" | "settled" | "secured" | null; partner?: string | null; cursor?: string | null; limit?: number } = {},
    options: Options = {},
  ): AsyncGenerator<Trade, void> {
    return this.walk("/trades", query, options);
  }

  /** Propose a payment, or send an invoice. */
  postTrades(body: TradeIn, options: Options = {}): Promise<Made> {
    return this.call("POST", "/trades", { body, once: true }, options);
  }

  /** One trade with its steps. */
  getTrade(trade: string, options: Options = {}): Promise<TradeDetail> {
    return this.call("GET", `/trades/${part(trade)}`, {}, options);
  }

  /** Accept a proposal (moves nothing yet), or pay an invoice. */
  postTradeAccept(trade: string, body: StepIn, options: Options = {}): Promise<Made> {
    return this.call("POST", `/trades/${part(trade)}/accept`, { body, once: true }, options);
  }

  /** Say no to a proposal or an invoice. */
  postTradeDecline(trade: string, body: StepIn, options: Options = {}): Promise<Made> {
    return this.call("POST", `/trades/${part(trade)}/decline`, { body, once: true }, options);
  }

  /** Commit to a proposal that was accepted. */
  postTradeSettle(trade: string, body: StepIn, options: Options = {}): Promise<Made> {
    return this.call("POST", `/trades/${part(trade)}/settle`, { body, once: true }, options);
  }

  /** Take back a proposal that was not settled. */
  postTradeRelease(trade: string, body: StepIn, options: Options = {}): Promise<Made> {
    return this.call("POST", `/trades/${part(trade)}/release`, { body, once: true }, options);
  }

  /** Offer to give a received payment back, or ask for one's own; the new trade's id. */
  postTradeRefund(trade: string, body: RefundIn, options: Options = {}): Promise<Made> {
    return this.call("POST", `/trades/${part(trade)}/refund`, { body, once: true }, options);
  }

  /** Rate the other side of a committed trade, once. */
  postTradeRate(trade: string, body: RateIn, options: Options = {}): Promise<Made> {
    return this.call("POST", `/trades/${part(trade)}/rate`, { body, once: true }, options);
  }

  /** Balance of a member in a chapter; of this member, also what can be spent. */
  getBalance(
    query: { member?: string | null; chapter?: string | null } = {},
    options: Options = {},
  ): Promise<Balance> {
    return this.call("GET", "/balance", { query }, options);
  }

  /** The state root and its sections, of all or of one chapter. */
  getLedgerRoot(
    query: { chapter?: string | null } = {},
    options: Options = {},
  ): Promise<Root> {
    return this.call("GET", "/ledger/root", { query }, options);
  }

  /** Verify the own books, and say how far the proof goes. */
  postLedgerVerify(body: VerifyIn, options: Options = {}): Promise<Verified> {
    return this.call("POST", "/ledger/verify", { body }, options);
  }

  /** The months that a chapter has closed, each compared with the own books. */
  getLedgerCloses(
    query: { chapter?: string | null } = {},
    options: Options = {},
  ): Promise<Closes> {
    return this.call("GET", "/ledger/closes", { query }, options);
  }

  /** Close a month (officers), or propose it, or agree to what another officer proposed. */
  postLedgerCloses(body: CloseIn, options: Options = {}): Promise<Decision> {
    return this.call("POST", "/ledger/closes", { body, once: true }, options);
  }

  /** What the close of a month says of a member, as a file that proves itself. */
  getLedgerProof(
    query: { month: string; member?: string | null; chapter?: string | null },
    options: Options = {},
  ): Promise<Record<string, unknown>> {
    return this.call("GET", "/ledger/proof", { query }, options);
  }

  /** A report on a chapter for whoever looks after its books. */
  getLedgerAudit(
    query: { chapter?: string | null; month?: string | null } = {},
    options: Options = {},
  ): Promise<Audit> {
    return this.call("GET", "/ledger/audit", { query }, options);
  }

  /** Who trades with whom in a chapter, and how much each month saw. */
  getLedgerTies(
    query: { chapter?: string | null } = {},
    options: Options = {},
  ): Promise<Ties> {
    return this.call("GET", "/ledger/ties", { query }, options);
  }

  /** Cases of this member, as party, mediator or keeper of the treasury; of one trade. */
  getDisputes(
    query: { trade?: string | null } = {},
    options: Options = {},
  ): Promise<Disputes> {
    return this.call("GET", "/disputes", { query }, options);
  }

  /** Open a case about an own trade that was accepted or committed. */
  postDisputes(body: DisputeIn, options: Options = {}): Promise<Made> {
    return this.call("POST", "/disputes", { body, once: true }, options);
  }

  /** One case, with what was said in it. */
  getDispute(dispute: string, options: Options = {}): Promise<DisputeDetail> {
    return this.call("GET", `/disputes/${part(dispute)}`, {}, options);
  }

  /** Say something to the other side and the mediators, sealed for them. */
  postDisputeEvidence(
    dispute: string,
    body: EvidenceIn,
    options: Options = {},
  ): Promise<Made> {
    return this.call("POST", `/disputes/${part(dispute)}/evidence`, { body, once: true }, options);
  }

  /** Erase something that this member said, everywhere. */
  postDisputeErase(dispute: string, body: EraseIn, options: Options = {}): Promise<Made> {
    return this.call("POST", `/disputes/${part(dispute)}/erase`, { body, once: true }, options);
  }

  /** Take a case as a mediator who is asked, or leave it to the next. */
  postDisputeTake(dispute: string, body: TakeIn, options: Options = {}): Promise<Made> {
    return this.call("POST", `/disputes/${part(dispute)}/take`, { body, once: true }, options);
  }

  /** Vote as a mediator: who should get how much. Voting again replaces it. */
  postDisputeVote(dispute: string, body: VoteIn, options: Options = {}): Promise<Made> {
    return this.call("POST", `/disputes/${part(dispute)}/vote`, { body, once: true }, options);
  }

  /** Withdraw a case that this member opened. */
  postDisputeClose(dispute: string, options: Options = {}): Promise<Made> {
    return this.call("POST", `/disputes/${part(dispute)}/close`, { once: true }, options);
  }

  /** As keeper of the treasury, offer the payment that came out; the trade's id. */
  postDisputePay(dispute: string, body: PayIn, options: Options = {}): Promise<Made> {
    return this.call("POST", `/disputes/${part(dispute)}/pay`, { body, once: true }, options);
  }

  /** A note for anybody: who this is, and what is held here, so that the other's is short. */
  postTradesGreeting(body: GreetingIn, options: Options = {}): Promise<NoteOut> {
    return this.call("POST", "/trades/greeting", { body }, options);
  }

  /** The note of an own trade for its other side: what they lack of it, and its order. */
  postTradeNote(trade: string, body: NoteIn, options: Options = {}): Promise<NoteOut> {
    return this.call("POST", `/trades/${part(trade)}/note`, { body }, options);
  }

  /** Take in a note that was handed over, and settle what it accepts. */
  postTradesNotes(body: NotesIn, options: Options = {}): Promise<Taken> {
    return this.call("POST", "/trades/notes", { body }, options);
  }

  /** A unit: its decimals, what it is called, where it counts as a contribution. */
  getUnit(unit: string, options: Options = {}): Promise<UnitShown> {
    return this.call("GET", `/units/${part(unit)}`, {}, options);
  }

  /** What a member gave and received in money, hours, barter and gifts. */
  getContributions(
    query: { member?: string | null; chapter?: string | null } = {},
    options: Options = {},
  ): Promise<Contributions> {
    return this.call("GET", "/contributions", { query }, options);
  }

  /** A month's movements (UTC) between opening and closing balance. */
  getStatements(
    query: { month: string; chapter?: string | null; member?: string | null; format?: "json" | "csv" | "html" | "pdf" | null; order?: boolean; paper?: "a4" | "80mm" },
    options: Options = {},
  ): Promise<Statement> {
    return this.call("GET", "/statements", { query }, options);
  }

  /** A month's movements (UTC) between opening and closing balance. */
  getStatementsFile(
    query: { month: string; chapter?: string | null; member?: string | null; format?: "json" | "csv" | "html" | "pdf" | null; order?: boolean; paper?: "a4" | "80mm" },
    options: Options = {},
  ): Promise<Blob> {
    return this.file("GET", "/statements", { query }, options);
  }

  /** A receipt that proves itself; with `order` it shows what was traded. */
  getReceipt(
    trade: string,
    query: { order?: boolean; format?: "json" | "msgpack" | "html" | "pdf"; paper?: "a4" | "80mm" } = {},
    options: Options = {},
  ): Promise<Record<string, unknown>> {
    return this.call("GET", `/receipts/${part(trade)}`, { query }, options);
  }

  /** A receipt that proves itself; with `order` it shows what was traded. */
  getReceiptFile(
    trade: string,
    query: { order?: boolean; format?: "json" | "msgpack" | "html" | "pdf"; paper?: "a4" | "80mm" } = {},
    options: Options = {},
  ): Promise<Blob> {
    return this.file("GET", `/receipts/${part(trade)}`, { query }, options);
  }

  /** Admit the lines of an export file (`application/x-ndjson`), in any order. */
  postRecordsImport(lines: BodyInit, options: Options = {}): Promise<ImportReport> {
    return this.call("POST", "/records/import", { lines }, options);
  }

  /** Everything of this member that is worth keeping, sealed under a password, as a file. */
  postBackup(body: BackupIn, options: Options = {}): Promise<Blob> {
    return this.file("POST", "/backup", { body }, options);
  }

  /** All records held, as lines of text: the first names the community. */
  getRecordsExport(options: Options = {}): Promise<Blob> {
    return this.file("GET", "/records/export", {}, options);
  }
}

// Verifies a WeTalk receipt by docs/protocol.md alone, with Node 20, no network and no package:
// node verify-receipt.mjs RECEIPT [COMMUNITY ID]. Says a sentence a check, then the level reached:
// L1, both signed the same terms. Ends with 1 if anything is wrong. L2 (all accounts) takes a node.
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
const need = (holds, text) => { if (!holds) throw new Error(text) }
const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()
const word = (name) => Buffer.from(`wetalk/1 ${name}\0`)
const hex = (v) => (Buffer.isBuffer(v) ? v.toString('hex') : Array.isArray(v) ? v.map(hex) : v)
const rise = (a, b) => a === undefined || Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

// Section 2: canonical MessagePack. No table has a number below zero: those are refused as well.
export function decode(bytes) {
  let at = 0
  const check = (holds) => need(holds, 'encoding: these bytes are no canonical MessagePack')
  const take = (n) => { check(at + n <= bytes.length); return bytes.subarray(at, (at += n)) }
  const string = (n) => { try { return UTF8.decode(take(n)) } catch { return check(false) } }
  const number = (i, first, least, n = Number(`0x${hex(take(1 << i))}`)) => ( // of 2^i bytes
    check(n >= (i === first ? least : 2 ** (4 << i))) ?? n)
  const map = (n, depth) => {
    const found = Object.create(null)
    for (let last; n > 0; n -= 1) {
      const key = value(depth)
      check(typeof key === 'string' && Buffer.byteLength(key) <= 32 && rise(last, key))
      found[(last = key)] = value(depth)
    }
    return found
  }
  const list = (n, depth) => Array.from({ length: n }, () => value(depth))
  const value = (depth) => {
    const tag = take(1)[0]
    if (tag < 0x80) return tag
    if (tag >= 0xa0 && tag < 0xc0) return string(tag & 31)
    if (tag === 0xc0 || tag === 0xc2 || tag === 0xc3) return tag === 0xc0 ? null : tag === 0xc3
    if (tag >= 0xc4 && tag <= 0xc6) return take(number(tag - 0xc4, 0, 0))
    if (tag >= 0xcc && tag <= 0xcf) return number(tag - 0xcc, 0, 128)
    if (tag >= 0xd9 && tag <= 0xdb) return string(number(tag - 0xd9, 0, 32))
    check(depth < 8 && (tag < 0xa0 || (tag >= 0xdc && tag <= 0xdf)))
    if (tag < 0xa0) return (tag < 0x90 ? map : list)(tag & 15, depth + 1)
    return (tag < 0xde ? list : map)(number(tag & 1 ? 2 : 1, 1, 16), depth + 1)
  }
  const whole = value(0)
  return check(at === bytes.length) ?? whole
}

// Section 4: strict Ed25519. OpenSSL does 1 and 4; that A and R fit 2 and 3 is left to us.
const P = 2n ** 255n - 19n, Y8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n
export function signed(key, message, signature) {
  if (key.length !== 32 || signature.length !== 64) return false
  for (const point of [key, signature.subarray(0, 32)]) {
    const y = BigInt.asUintN(255, BigInt(`0x${hex(Buffer.from(point).reverse())}`))
    if (y >= P || [0n, 1n, P - 1n, Y8, P - Y8].includes(y)) return false
  }
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') }
  return verify(null, message, createPublicKey({ key: jwk, format: 'jwk' }), signature)
}

// Sections 3, 5, 6 and 9: types, and tables by lane. On kinds without a table no trade rests.
const maybe = (type) => (v) => v === null || type(v)
const int = (a, b) => (v) => typeof v === 'number' && v >= a && v <= b
const any = Buffer.isBuffer, bin = (n) => (v) => any(v) && v.length === n
const text = (a, b) => (v) => typeof v === 'string' && int(a, b)([...v].length)
const list = (a, b, type) => (v) => Array.isArray(v) && int(a, b)(v.length) && v.every(type)
const set = (a, b, type) => (v) => list(a, b, type)(v) && v.slice(1).every((x, i) => rise(v[i], x))
const row = (...types) => list(types.length, types.length, (item, i) => types[i](item))
const isMap = (v) => v !== null && typeof v === 'object' && Object.getPrototypeOf(v) === null
const table = (types) => (v) => isMap(v) && Object.keys(v).length === Object.keys(types).length
  && Object.entries(types).every(([name, type]) => name in v && type(v[name]))
const LANES = 'identity account social market office witness'.split(' ')
const id = bin(32), size = int(1, 32768), seq = int(0, 2 ** 40), sum = int(0, 2 ** 53 - 1)
const q = int(0, 16), name = text(1, 32), unit = text(1, 64), ids = (most) => set(0, most, id)
const KINDS = {
  'identity.create': [0, { next: maybe(id) }], 'device.add': [0, { key: id, proof: bin(64),
    scopes: set(1, 5, (v) => LANES.indexOf(v) > 0) }],
  'account.open': [1, { auth: id, carry: ids(32), chapter: name, q, witnesses: ids(16) }],
  'trade.propose': [1, { amount: int(1, 2 ** 40), grant: maybe(id), order_hash: id, payee_lane: id,
    payer_lane: id, refunds: maybe(id), unit, valid_until: maybe(sum) }],
  'trade.accept': [1, { grant: maybe(id), propose: id }], 'trade.settle': [1, { accept: id }],
  'trade.decline': [1, { propose: id }], 'trade.release': [1, { trade: id }],
  'office.open': [4, { auth: id }], 'office.approve': [4, { act: id }],
  'credit.grant': [4, { approvals: ids(16), chapter: name, limit: sum, list: id, open: id,
    proof: maybe(id), supersedes: ids(32) }],
  'witness.open': [5, { auth: id }], 'witness.stamp': [5, { head: id, open: id }],
  'device.revoke': [0], 'account.claim': [1], 'rating.give': [1], 'office.propose': [4],
  'member.admit': [4], 'member.suspend': [4], 'chapter.policy': [4], 'chapter.close': [4] }
const CHAPTER = table({ default_limit: sum, k: int(1, 16), limit_max: sum, name, q,
  officers: list(1, 16, id), treasury: maybe(id), witnesses: list(0, 16, id) })
const GENESIS = table({ chapters: list(1, 256, CHAPTER), languages: list(1, 16, unit), name,
  rules: int(1, 1), salt: bin(16), unit: table({ code: unit, decimals: int(0, 6) }) })
const HEADER = row(int(1, 1), text(3, 32), id, id, int(0, 5), seq, maybe(id), sum, id, size)
export function record(community, [header, body, signature]) { // sections 6 and 8
  const fields = decode(header)
  need(header.length <= 320 && HEADER(fields), 'encoding: a header')
  const [, kind, author, signer, lane, seq, prev, , bodyHash, bodySize] = fields
  const [place, types] = Object.hasOwn(KINDS, kind) ? KINDS[kind] : []
  need((seq === 0) === (prev === null), 'chain: a first record has no prev, others have one')
  need((seq === 0) === (kind === (lane ? `${LANES[lane]}.open` : 'identity.create')), 'kind: order')
  need(place === lane, `kind: ${shown(kind)} has no place here`)
  need(lane !== 0 || signer.equals(author), 'not-authorised: an identity of another signer')
  need(bodySize <= (lane === 1 ? 16384 : 4096), 'size: a body')
  need(body?.length === bodySize && sha256(body).equals(bodyHash), 'body: not what its header says')
  const content = decode(body), id = sha256(word('record'), community, header)
  need(types ? table(types)(content) : isMap(content), `shape: the body of a ${shown(kind)}`)
  const proof = Buffer.concat([word('device proof'), community, author])
  need(signed(signer, Buffer.concat([word('sig'), id]), signature)
    && (kind !== 'device.add' || signed(content.key, proof, content.proof)), 'signature: not valid')
  const found = { ...content, author, body, id, kind, lane, prev, seq, signer }
  for (const name in found) found[name] = hex(found[name])
  return Object.assign(found, { own: `${found.author} ${found.signer} ${lane}` })
}
const RECEIPT = table({ genesis: any, order: maybe(row(bin(16), any)), trade: id,
  records: list(1, 2 ** 18, row(any, maybe(any), any)), wetalk_receipt: int(1, 1) })
export function receipt(bytes) { // section 17: in either form
  if (bytes[0] === 0x85) return need(RECEIPT(decode(bytes)), 'encoding: its map') ?? decode(bytes)
  const b64 = (v, b = Buffer.from(v, 'base64url')) => need(b.toString('base64url') === v, v) ?? b
  const { genesis, order, records, trade, wetalk_receipt: version } = JSON.parse(UTF8.decode(bytes))
  need(version === 1, 'version: no receipt of version 1')
  const raw = ({ header, body = '', signature }) => [header, body, signature].map((v) => b64(v))
  return { genesis: b64(genesis), order: order && [b64(order.salt), b64(order.order)],
    records: records.map(raw), trade: Buffer.from(trade, 'hex') }
}
const shown = (words) => `"${String(words).replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '·')}"`
export function judge({ genesis, order, records, trade: tradeId }, known, say) {
  const here = decode(genesis), community = sha256(word('genesis'), genesis)
  need(GENESIS(here), 'shape: the genesis document')
  say(`It is of the community ${shown(here.name)} with the id ${hex(community)}.`)
  need(!known || known === hex(community), `community: not ${known}`)
  const all = new Map(records.map((one) => record(community, one)).map((r) => [r.id, r]))
  say(`Its ${all.size} records are whole, in their one form and signed by the keys they name.`)
  const get = (id) => all.get(id) ?? need(false, `missing: record ${id}`)
  const find = (kind, key, v) => [...all.values()].filter((r) => r.kind === kind && r[key] === v)
  const path = (r) => { // back to the first record of its lane
    const found = [r]
    for (let one; r.prev; found.push((r = one))) {
      one = get(r.prev)
      need(one.own === r.own && one.seq === r.seq - 1, `chain: record ${r.id}`)
    }
    return found
  }
  const past = (r, found = new Set()) => { // and own lanes it goes on from, where the file has them
    const chain = path(r), heads = (chain.at(-1).carry ?? []).map((head) => all.get(head))
    for (const one of chain) found.add(one)
    for (const one of heads) if (one?.author === r.author && !found.has(one)) past(one, found)
    return found
  }
  const rests = (r, on) => [...past(r)].some((o) => o === on || o.carry?.some((h) => !all.has(h)))
  const open = (r) => { // the first record of its lane, whose key its author must have added once
    const first = path(r).at(-1), add = get(first.auth)
    const adds = path(add).filter((one) => one.kind === 'device.add' && one.key === r.signer)
    need(adds.length === 1 && adds[0] === add && add.author === r.author
      && add.scopes.includes(LANES[r.lane]), `not-authorised: the key of record ${r.id}`)
    return first
  }
  const trade = get(hex(tradeId)), payer = get(trade.payer_lane), payee = get(trade.payee_lane)
  const bill = open(trade) === payee, chapter = here.chapters.find((c) => c.name === payer.chapter)
  need(trade.kind === 'trade.propose' && (bill || open(trade) === payer) && chapter
    && [payer, payee].every((one) => one.kind === 'account.open' && open(one))
    && payer.author !== payee.author && payer.chapter === payee.chapter, 'parties: not two members')
  const names = (r) => [r.propose, r.trade, all.get(r.accept)?.propose].includes(trade.id)
  const steps = [...all.values()].filter(names)
  const undone = (r, kind) => steps.some((one) => one.kind === kind && past(r).has(one))
  const agreed = steps.filter((r) => r.kind === 'trade.accept' && !undone(r, 'trade.decline')
    && (bill ? open(r) === payer : r.author === payee.author && open(r) && rests(r, payee)))
  const [commit] = bill ? agreed : steps.filter((r) => r.author === payer.author && open(r)
    && rests(r, trade) && !undone(r, 'trade.release') && agreed.some((one) => one.id === r.accept))
  const debit = bill ? commit : trade, grant = all.get(debit?.grant)
  need(commit && (debit.grant || trade.unit !== 'credit'), 'trade: not signed by both')
  const { code, decimals } = here.unit, own = trade.unit === 'credit'
  const money = (n) => (own ? `${(n / 10 ** decimals).toFixed(decimals)} ${shown(code)}`
    : `${n} parts of ${shown(trade.unit)}`)
  say(`Both signed: ${payer.author} pays ${payee.author} ${money(trade.amount)}.`)
  if (own && grant) {
    need(grant.kind === 'credit.grant' && grant.open === payer.id && grant.list === hex(community)
      && grant.chapter === chapter.name && payer.q === chapter.q
      && String(payer.witnesses) === String(hex(chapter.witnesses).sort())
      && (grant.limit <= chapter.limit_max || payer.author === hex(chapter.treasury)), 'grant: bad')
    const n = grant.approvals.length, size = 11 + (n > 15 ? 3 : 1) + 34 * n // they come first
    const act = hex(sha256(word('act'), Buffer.from('\x92\xaccredit.grant\x86', 'latin1'),
      Buffer.from(grant.body, 'hex').subarray(size)))
    const yes = find('office.approve', 'act', act).filter((r) => grant.approvals.includes(r.id))
    const made = (officer) => [grant, ...yes].some((r) => r.author === officer && open(r))
    const officers = hex(chapter.officers).filter(made)
    need(officers.includes(grant.author) && officers.length >= chapter.k, 'approvals: too few')
    say(`Officers, ${officers.length} of ${chapter.k} needed, let it owe ${money(grant.limit)}.`)
  } else say('It holds no grant that the payer rests on: not looked at.')
  need(!order || hex(sha256(word('order'), ...order)) === trade.order_hash, 'order: another')
  if (order) say(`They traded ${shown(order[1])}.`)
  const { q, witnesses: may } = open(commit)
  const stamps = find('witness.stamp', 'lane', 5).filter((r) => past(get(r.head)).has(commit))
  need(stamps.every((r) => may.includes(r.signer) && r.open === open(get(r.head)).id), 'stamp: odd')
  say(q > 0 && new Set(stamps.map((r) => r.signer)).size >= q ? `Stamped by ${q} witnesses or more.`
    : 'No witnesses secure it: whether the payer has another chain is not known.')
  say('Level L1: both parties signed the same terms. Accounts, limits and cuts were not looked at.')
}

const [, script, file, known] = process.argv, go = script?.endsWith('verify-receipt.mjs')
if (go && !file) process.exitCode = console.error('Usage: verify-receipt.mjs FILE [COMMUNITY]') ?? 2
else if (go) try { judge(receipt(readFileSync(file)), known, console.log)
} catch (fault) { process.exitCode = console.log(`NO. ${fault.message}.`) ?? 1 }

// Runs docs/examples/verify-receipt.mjs on much at once, since starting Node takes longer than that.
// Gets {"receipts": [base64...], "vectors": {...}} as JSON on its input, tells one answer a case.
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const script = await import(pathToFileURL(process.env.SCRIPT))
const asked = JSON.parse(readFileSync(0, 'utf8'))
const joined = (parts) => Buffer.from(
  [parts].flat().map((part) => (Array.isArray(part) ? part[0].repeat(part[1]) : part)).join(''), 'hex')
const told = (work) => {
  try { return work() ?? 'ok' } catch (fault) { return fault.message }
}
const work = {
  receipt: ({ file, known }) => {
    const sentences = []
    script.judge(script.receipt(Buffer.from(file, 'base64')), known, (line) => sentences.push(line))
    return sentences
  },
  codec: ({ bytes }) => { script.decode(joined(bytes)) },
  signature: ({ public_key: key, message, signature }) => (
    script.signed(joined(key), joined(message), joined(signature)) ? 'valid' : 'invalid'),
  record: ({ community, header, body, signature }) => {
    const parts = [joined(header), body === null ? undefined : joined(body), joined(signature)]
    script.record(joined(community), parts)
  },
}
console.log(JSON.stringify(asked.map(([kind, one]) => told(() => work[kind](one)))))

// A neighbour in another language: connects, pings, identifies, and gossips both ways.
// usage: node peer.mjs MULTIADDRESS TOPIC PAYLOAD_HEX
// Each line on standard output is one JSON object: what happened.
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const [address, topic, payload] = process.argv.slice(2)
const tell = (event, values = {}) => console.log(JSON.stringify({ event, ...values }))
const hex = bytes => Buffer.from(bytes).toString('hex')

const node = await createLibp2p({
  addresses: { listen: [] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: {
    identify: identify(),
    ping: ping(),
    pubsub: gossipsub({ emitSelf: false, globalSignaturePolicy: 'StrictSign' })
  }
})
const { pubsub } = node.services

node.addEventListener('peer:identify', ({ detail }) => {
  tell('identified', { protocols: detail.protocols, addresses: detail.listenAddrs.map(String) })
})
pubsub.addEventListener('message', ({ detail }) => {
  if (detail.topic === topic) tell('heard', { data: hex(detail.data), type: detail.type })
})
pubsub.subscribe(topic)

const connection = await node.dial(multiaddr(address))
tell('connected', { encryption: connection.encryption, muxer: connection.multiplexer })
tell('pinged', { milliseconds: await node.services.ping.ping(multiaddr(address)) })

const meeting = setInterval(async () => {
  if (pubsub.getSubscribers(topic).length === 0) return
  clearInterval(meeting)
  await pubsub.publish(topic, Buffer.from(payload, 'hex'))
  tell('published')
}, 50)

process.stdin.on('end', async () => {
  await node.stop()
  process.exit(0)
})
process.stdin.resume()

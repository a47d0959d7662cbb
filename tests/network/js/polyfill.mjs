// js-libp2p wants Node 22; these two are what Node 20 lacks.
Promise.withResolvers ??= function withResolvers () {
  const made = {}
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }))
  return made
}

globalThis.CustomEvent ??= class CustomEvent extends Event {
  constructor (type, options = {}) {
    super(type, options)
    this.detail = options.detail ?? null
  }
}

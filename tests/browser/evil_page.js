// What a stranger's page tries on a node. Each attempt gives what it has learnt, as text; nothing
// learnt is "". `target` is the node's origin; "" stands for the page's own, after DNS rebinding.

const WAIT_MS = 3000;
const POST = JSON.stringify({ room: "hall", text: "written by a stranger" });
const CONTACT = JSON.stringify({ member: "ab".repeat(32), name: "stranger" });
const GUESS = { Authorization: "Bearer " + "x".repeat(43) };
const READ = [
  ...["/v1/identity", "/v1/status", "/v1/posts?room=hall", "/v1/records/export"],
  "/openapi.json",
];
const OWN = ["/", "/web/text/ko.json", "/web/css/page.css", "/sw.js"];

const stolen = [];
for (const name of ["member", "device", "id", "items", "heads", "community"])
  Object.defineProperty(Object.prototype, name, {
    set(value) {
      stolen.push(`${name} ${value}`);
    },
    configurable: true,
  });
addEventListener("message", (event) => stolen.push(`message ${event.data}`));

async function ask(url, options) {
  const answer = await fetch(url, options);
  const text = await answer.text();
  return answer.type === "opaque" ? text : `${answer.status} ${text}`;
}

/** An element that loads something: what can be known of it afterwards. */
function embed(tag, attributes, look = () => "loaded") {
  return new Promise((resolve, reject) => {
    const element = document.createElement(tag);
    element.onload = () => resolve(look(element));
    element.onloadeddata = element.onload;
    element.onerror = () => reject(new Error(tag));
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    document.body.append(element);
  });
}

const framed = (frame) => frame.contentDocument?.documentElement.innerText ?? "";

function heard(socket) {
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve("open");
    socket.onmessage = (event) => resolve(event.data);
    socket.onerror = () => reject(new Error("refused"));
  });
}

function sent(target, path, kind, field, value) {
  return new Promise((resolve) => {
    const name = `frame ${Math.random()}`;
    const frame = document.createElement("iframe");
    frame.name = name;
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: target + path, enctype: kind, target: name });
    const input = document.createElement("input");
    Object.assign(input, { name: field, value });
    form.append(input);
    document.body.append(frame, form);
    form.submit();
    setTimeout(() => resolve(framed(frame)), 500);
  });
}

async function opened(target, path) {
  const other = open(target + path, "_blank");
  if (!other) return "";
  await new Promise((resolve) => setTimeout(resolve, 700));
  other.postMessage("token", "*");
  await new Promise((resolve) => setTimeout(resolve, 200));
  try {
    if (other.location.href === "about:blank") return ""; // still ours
    return other.document.documentElement.innerText + JSON.stringify({ ...other.sessionStorage });
  } finally {
    other.close();
  }
}

async function imported(url) {
  const code = `try { importScripts("${url}"); postMessage("ran"); } catch { postMessage(""); }`;
  const worker = new Worker(URL.createObjectURL(new Blob([code])));
  return new Promise((resolve) => (worker.onmessage = (event) => resolve(event.data)));
}

function attempts(target) {
  const at = target || location.origin;
  const all = {};
  for (const path of [...READ, ...OWN])
    for (const mode of ["cors", "no-cors", "same-origin"])
      all[`fetch ${mode} ${path}`] = () => ask(at + path, { mode, credentials: "include" });
  for (const path of READ)
    all[`fetch guessing ${path}`] = () => ask(at + path, { headers: GUESS });
  for (const [path, body] of [["/v1/posts", POST], ["/v1/contacts", CONTACT]])
    for (const type of ["text/plain", "application/json", "application/x-www-form-urlencoded"])
      for (const mode of ["cors", "no-cors"])
        all[`post ${mode} ${type} ${path}`] = () =>
          ask(at + path, { method: "POST", mode, body, headers: { "Content-Type": type } });
  for (const method of ["PUT", "DELETE", "PATCH"])
    all[`${method} profile`] = () => ask(at + "/v1/profile", { method, body: "{}" });
  for (const kind of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
    all[`form ${kind}`] = () =>
      sent(at, "/v1/posts", kind, '{"room": "hall", "text": "form", "x": "', '"}');
  all.beacon = async () => {
    navigator.sendBeacon(at + "/v1/posts", new Blob([POST], { type: "text/plain" }));
    return "";
  };
  all.xhr = async () => {
    const request = new XMLHttpRequest();
    request.open("GET", at + "/v1/identity", false);
    request.send();
    return `${request.status} ${request.responseText}`;
  };
  for (const path of ["/v1/identity", "/web/app.css", "/web/boat.svg", "/"]) {
    all[`image ${path}`] = () => embed("img", { src: at + path });
    all[`script ${path}`] = () => embed("script", { src: at + path });
    all[`module ${path}`] = () => embed("script", { src: at + path, type: "module" });
    all[`style ${path}`] = () => embed("link", { rel: "stylesheet", href: at + path });
    all[`frame ${path}`] = () => embed("iframe", { src: at + path }, framed);
    all[`object ${path}`] = () => embed("object", { data: at + path }, framed);
    all[`video ${path}`] = () => embed("video", { src: at + path });
    all[`import ${path}`] = () => imported(at + path);
  }
  for (const path of ["/v1/events", "/"]) {
    const socket = at.replace("http", "ws") + path;
    all[`socket ${path}`] = () => heard(new WebSocket(socket));
    all[`events ${path}`] = () => heard(new EventSource(at + path, { withCredentials: true }));
  }
  all.worker = async () => String(new Worker(at + "/web/app.css"));
  all["service worker"] = async () =>
    String(await navigator.serviceWorker.register(at + "/web/app.css"));
  for (const path of ["/", "/v1/identity"]) all[`window ${path}`] = () => opened(at, path);
  return all;
}

/** Everything at once; what each attempt has learnt, by name. */
async function attack(target) {
  const late = () => new Promise((resolve) => setTimeout(resolve, WAIT_MS, ""));
  const learnt = {};
  await Promise.all(
    Object.entries(attempts(target)).map(async ([name, attempt]) => {
      try {
        learnt[name] = await Promise.race([attempt(), late()]);
      } catch {
        learnt[name] = "";
      }
    }),
  );
  const sizes = performance
    .getEntriesByType("resource")
    .filter((entry) => target && entry.name.startsWith(target))
    .filter((entry) => entry.encodedBodySize || entry.responseStatus)
    .map((entry) => entry.name);
  return { ...learnt, stolen: stolen.join(), sizes: sizes.join(), cookie: document.cookie };
}

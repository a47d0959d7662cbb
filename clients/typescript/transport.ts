/**
 * How the client of a WeTalk node speaks: requests, lists, events. Standard `fetch` alone, so that it
 * runs in browsers, Node.js (18 or later), Deno and Bun.
 *
 * Rules: a write carries an Idempotency-Key, and is repeated once under it where the line broke before
 * the answer came; an event stream comes back by itself, after the last event it gave.
 */

/** A refusal by the node (RFC 9457): `code` is stable, `detail` one sentence for people. */
export class WeTalkProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly values: Record<string, unknown>,
    /** For how many seconds to wait, where the node says so. */
    readonly retryAfterSeconds: number | null,
  ) {
    super(`${code}: ${detail}`);
    this.name = "WeTalkProblem";
  }
}

/** Something that changed; `id` resumes after it, and is null for news that are not kept. */
export interface WeTalkEvent {
  name: string;
  id: string | null;
  data: Record<string, unknown>;
}

export interface Settings {
  /** Such as `http://127.0.0.1:8445`; in a page that the node serves, leave it out. */
  address?: string;
  /** The token; left out only to pair. */
  token?: string;
  /** The language of sentences: ko, zh or en. */
  language?: string;
  /** Another `fetch`, for tests. */
  fetch?: typeof globalThis.fetch;
}

export interface Options {
  /** Gives the request up. */
  signal?: AbortSignal;
  /** The Idempotency-Key of a write; without it one is made. */
  key?: string;
}

export interface EventOptions {
  signal?: AbortSignal;
  /** The id of the last event that was seen; without it the stream goes on from now. */
  lastId?: string;
}

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

interface Parts {
  query?: Query;
  body?: object;
  lines?: BodyInit;
  file?: Blob;
  /** The node honours an Idempotency-Key here. */
  once?: boolean;
}

const COME_BACK_MS = 500;
const SILENCE_MAX_MS = 45_000; // three heartbeats of an event stream

/** A path's variable part, escaped. */
export function part(value: string): string {
  return encodeURIComponent(value);
}

export class Connection {
  readonly #settings: Settings;

  constructor(settings: Settings = {}) {
    this.#settings = settings;
  }

  /** The JSON answer to one request, `path` below `/v1`. Throws WeTalkProblem, TypeError. */
  protected async call<T>(
    method: string,
    path: string,
    parts: Parts = {},
    options: Options = {},
  ): Promise<T> {
    const response = await this.#ask(method, path, parts, options);
    return (await response.json()) as T;
  }

  /** The answer to one request as a file. Throws WeTalkProblem, TypeError. */
  protected async file(
    method: string,
    path: string,
    parts: Parts = {},
    options: Options = {},
  ): Promise<Blob> {
    return (await this.#ask(method, path, parts, options)).blob();
  }

  /** The same; null while the node does not have the file yet. */
  protected async fileOrNull(
    method: string,
    path: string,
    parts: Parts = {},
    options: Options = {},
  ): Promise<Blob | null> {
    const response = await this.#ask(method, path, parts, options);
    return response.status === 202 ? null : response.blob();
  }

  /** The items of a list, page after page. */
  protected async *walk<T>(path: string, query: Query, options: Options): AsyncGenerator<T, void> {
    let cursor: string | null | undefined = undefined;
    do {
      const page: { items: T[]; next?: string | null } = await this.call(
        "GET",
        path,
        { query: { limit: 200, ...query, cursor } },
        options,
      );
      yield* page.items;
      cursor = page.next;
    } while (cursor != null);
  }

  /**
   * Events as they come, resumed when the line breaks, until `signal` ends them. `ready` comes first;
   * `reset` in its place means: read your lists anew. Throws WeTalkProblem when the node refuses.
   */
  async *events(options: EventOptions = {}): AsyncGenerator<WeTalkEvent, void> {
    let lastId = options.lastId ?? null;
    while (!options.signal?.aborted) {
      try {
        for await (const event of this.#stream(lastId, options.signal)) {
          lastId = event.id ?? lastId;
          yield event;
        }
      } catch (problem) {
        if (options.signal?.aborted) return;
        if (problem instanceof WeTalkProblem && problem.status !== 503) throw problem;
      }
      await new Promise((go) => setTimeout(go, COME_BACK_MS));
    }
  }

  async *#stream(
    lastId: string | null,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<WeTalkEvent, void> {
    const silence = new AbortController();
    const giveUp = () => {
      clearTimeout(timer); // a timer would keep a program alive that has ended otherwise
      silence.abort();
    };
    let timer = setTimeout(giveUp, SILENCE_MAX_MS);
    signal?.addEventListener("abort", giveUp);
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (lastId !== null) headers["Last-Event-ID"] = lastId;
    try {
      const response = await this.#once("GET", "/events", {}, headers, silence.signal);
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(giveUp, SILENCE_MAX_MS);
        const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) {
          const event = parsed(block);
          if (event !== null) yield event;
        }
      }
    } finally {
      signal?.removeEventListener("abort", giveUp);
      giveUp();
    }
  }

  async #ask(method: string, path: string, parts: Parts, options: Options): Promise<Response> {
    const headers: Record<string, string> = {};
    if (method !== "GET") headers["Idempotency-Key"] = options.key ?? crypto.randomUUID();
    try {
      return await this.#once(method, path, parts, headers, options.signal);
    } catch (problem) {
      const broken = problem instanceof TypeError && !options.signal?.aborted;
      if (!broken || (method !== "GET" && !parts.once)) throw problem;
      return this.#once(method, path, parts, headers, options.signal);
    }
  }

  async #once(
    method: string,
    path: string,
    parts: Parts,
    extra: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const { address = "", token, language } = this.#settings;
    const headers: Record<string, string> = { Accept: "application/json", ...extra };
    if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
    if (language !== undefined) headers["Accept-Language"] = language;
    const asked: RequestInit = { method, headers, redirect: "error", credentials: "omit" };
    if (parts.lines !== undefined) {
      headers["Content-Type"] = "application/x-ndjson";
      asked.body = parts.lines;
    } else if (parts.file !== undefined) {
      headers["Content-Type"] = "application/octet-stream";
      asked.body = parts.file;
    } else if (parts.body !== undefined) {
      headers["Content-Type"] = "application/json";
      asked.body = JSON.stringify(parts.body);
    }
    if (signal !== undefined) asked.signal = signal;
    const go = this.#settings.fetch ?? globalThis.fetch;
    const response = await go(`${address}/v1${path}${queryOf(parts.query)}`, asked);
    if (!response.ok) throw await problemOf(response);
    return response;
  }
}

function queryOf(query: Query = {}): string {
  const wanted = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) wanted.set(name, String(value));
  }
  const text = wanted.toString();
  return text === "" ? "" : `?${text}`;
}

async function problemOf(response: Response): Promise<WeTalkProblem> {
  const told: Record<string, unknown> = await response.json().catch(() => ({}));
  const wait = response.headers.get("Retry-After");
  return new WeTalkProblem(
    response.status,
    typeof told["code"] === "string" ? told["code"] : "unexpected",
    typeof told["detail"] === "string" ? told["detail"] : "",
    (told["values"] ?? {}) as Record<string, unknown>,
    wait === null ? null : Number(wait),
  );
}

/** One event of a stream (WHATWG HTML, section 9.2), null for a comment. */
function parsed(block: string): WeTalkEvent | null {
  let name = "message";
  let id: string | null = null;
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") name = value;
    else if (field === "data") data.push(value);
    else if (field === "id") id = value;
  }
  return data.length === 0 ? null : { name, id, data: JSON.parse(data.join("\n")) };
}

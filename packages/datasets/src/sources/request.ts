import type { Limits } from "./limits.js";

/** A connection that failed, broke or stalled: asking again may help. */
export class BrokenConnection extends Error {}

export interface RequestOptions {
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  limits: Limits;
}

const maxRedirects = 5;

/**
 * Requests `url` and passes the answer with its body to `use`, whatever its status. When `use` returns or throws, the
 * connection is closed, even if the body has not been read.
 *
 * @throws {@link BrokenConnection}; an ordinary error for redirects that are not followed; the reason of `signal`
 */
export async function request<T>(
  url: string,
  { headers, signal, limits }: RequestOptions,
  use: (response: Response, body: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const connection = new AbortController();
  let received = 0;
  let before = 0;
  const watch = setInterval(() => {
    if (received - before < limits.stallSeconds * 1024) {
      connection.abort(new Error(`it stalled: ${received - before} bytes in ${limits.stallSeconds} s`));
    }
    before = received;
  }, limits.stallSeconds * 1000);
  const ended = AbortSignal.any(signal ? [signal, connection.signal] : [connection.signal]);
  const waiting = async <V>(wait: () => Promise<V>): Promise<V> => {
    try {
      return await wait();
    } catch (cause) {
      signal?.throwIfAborted();
      throw new BrokenConnection(`no whole answer from ${url}`, { cause });
    }
  };
  async function* body(response: Response) {
    const reader = response.body?.getReader();
    for (;;) {
      const next = await waiting(async () => reader?.read());
      if (next?.value === undefined) return;
      received += next.value.length;
      yield next.value;
    }
  }
  try {
    // Otherwise a server may compress the file again, and lengths and ranges would refer to the compressed bytes.
    const init = { headers: { "accept-encoding": "identity", ...headers }, signal: ended };
    const response = await follow(url, (next) => waiting(() => fetch(next, { ...init, redirect: "manual" })));
    return await use(response, body(response));
  } finally {
    clearInterval(watch);
    connection.abort();
  }
}

async function follow(start: string, ask: (url: string) => Promise<Response>): Promise<Response> {
  let url = start;
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const response = await ask(url);
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || location === null) return response;
    await response.body?.cancel();
    url = nextAddress(url, location);
  }
  throw new Error(`more than ${maxRedirects} redirects from ${start}`);
}

/**
 * The address of a redirect. A redirect from https has to lead to https: otherwise anybody on the network could
 * change the answer.
 */
export function nextAddress(from: string, to: string): string {
  const next = URL.canParse(to, from) ? new URL(to, from) : undefined;
  const allowed = new URL(from).protocol === "https:" ? ["https:"] : ["https:", "http:"];
  if (next === undefined || !allowed.includes(next.protocol)) {
    throw new Error(`${from} leads to ${JSON.stringify(to)}, which is no https address`);
  }
  return next.href;
}

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** A real HTTP server on this machine that serves files, well or badly. */
export interface FileServer extends AsyncDisposable {
  url: string;
  /** Path and Range header of every request so far. */
  requests: { path: string; range: string | undefined }[];
  files: Map<string, Uint8Array>;
  /** Answers for paths at which the server misbehaves in some other way. */
  handlers: Map<string, (request: IncomingMessage, response: ServerResponse) => void>;
  /** For each of the next answers, after how many bytes the connection breaks. */
  cuts: number[];
  /** Whether the server supports Range headers. */
  ranges: boolean;
}

/** @param tls serves https with this key and certificate */
export async function startFileServer(tls?: { key: string; cert: string }): Promise<FileServer> {
  const handle = (request: IncomingMessage, response: ServerResponse) => answer(state, request, response);
  const server = tls ? createTlsServer(tls, handle) : createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const state: FileServer = {
    url: `${tls ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    files: new Map(),
    handlers: new Map(),
    cuts: [],
    ranges: true,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return state;
}

function answer(state: FileServer, request: IncomingMessage, response: ServerResponse): void {
  const path = request.url!;
  const { range } = request.headers;
  state.requests.push({ path, range });
  const handler = state.handlers.get(path);
  if (handler !== undefined) {
    handler(request, response);
    return;
  }
  const bytes = state.files.get(path);
  if (bytes === undefined) {
    response.writeHead(404).end();
    return;
  }
  const start = state.ranges && range ? Number(/^bytes=(\d+)-$/.exec(range)![1]) : 0;
  if (start >= bytes.length) {
    response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    return;
  }
  response.writeHead(start > 0 ? 206 : 200, {
    "content-length": bytes.length - start,
    ...(start > 0 && { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
  });
  const cut = state.cuts.shift();
  if (cut === undefined) response.end(bytes.subarray(start));
  else {
    // Clients drop what they have not yet read when a connection breaks, so give them a moment.
    response.write(bytes.subarray(start, start + cut), () => setTimeout(() => response.destroy(), 300));
  }
}

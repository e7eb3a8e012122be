/**
 * The page and its API over HTTP, for the one who sits at this machine.
 *
 * It listens on 127.0.0.1 and answers only requests that name it by a name of this machine, so that no page from elsewhere can reach it under a name of its own; what changes something has to be JSON, which no form of such a page can
 * send unasked.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asMillraceError, MillraceError } from '../errors.ts';
import type { ConsoleApi } from './console-api.ts';
import { consoleJson } from './console-json.ts';

const PAGES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
};
const OWN_NAMES = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;
const RECENT = 50;
const MAX_BODY_BYTES = 8 * 1024 * 1024;
const SECURITY = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'self'; img-src 'self' data:",
  'x-content-type-options': 'nosniff',
};

/** Another API that is served beside the page, to the same names of this machine. */
export interface OtherApi {
  matches(pathname: string): boolean;
  /** Answers whatever comes; never rejects. */
  serve(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void>;
}

/** See the module comment. */
export class ConsoleServer {
  readonly #api: ConsoleApi;
  readonly #server: Server;
  readonly #nowMs: () => number;
  readonly #others: readonly OtherApi[];
  readonly #listeners = new Set<ServerResponse>();
  /** What a page that is opened now has missed. */
  readonly #recent: string[] = [];

  constructor(api: ConsoleApi, nowMs: () => number, others: readonly OtherApi[] = []) {
    this.#api = api;
    this.#nowMs = nowMs;
    this.#others = others;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** Listens, and resolves to its address. `port` 0: any that is free. Throws INVALID_CONFIG when the port is taken. */
  async listen(port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) => {
        const hint = 'Give another one, or 0 for any that is free.';
        reject(
          new MillraceError('INVALID_CONFIG', `port ${port} cannot be listened on: ${cause.message}`, {
            value: port,
            hint,
            cause,
          }),
        );
      });
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Tells every page that listens. */
  tell(news: object): void {
    const message = `data: ${consoleJson({ ...news, atMs: this.#nowMs() })}\n\n`;
    this.#recent.push(message);
    if (this.#recent.length > RECENT) this.#recent.shift();
    for (const response of this.#listeners) response.write(message);
  }

  async close(): Promise<void> {
    for (const response of this.#listeners) response.end();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (!OWN_NAMES.test(request.headers.host ?? '')) return send(response, 403, { message: 'not by this name' });
      const url = new URL(request.url ?? '/', 'http://localhost');
      const page = PAGES[url.pathname];
      if (page !== undefined && request.method === 'GET') return sendPage(response, page);
      const other = this.#others.find((one) => one.matches(url.pathname));
      if (other !== undefined) return await other.serve(request, response, url.pathname);
      if (url.pathname === '/api/news') return this.#listen(response);
      if (!url.pathname.startsWith('/api/')) return send(response, 404, { message: 'there is no such page' });
      const path = url.pathname.slice('/api/'.length).split('/').map(decodeURIComponent);
      const body = await bodyOf(request);
      const answer = await this.#api.answer({ method: request.method ?? '', path, query: url.searchParams, body });
      if (answer === undefined) send(response, 404, { message: 'there is no such thing' });
      else send(response, 200, answer);
    } catch (cause) {
      const { code, message, hint } = asMillraceError(cause);
      send(response, code === 'STORE_UNAVAILABLE' ? 500 : 400, { code, message, hint });
    }
  }

  #listen(response: ServerResponse): void {
    response.writeHead(200, { ...SECURITY, 'content-type': 'text/event-stream' });
    response.write(`: hello\n\n${this.#recent.join('')}`);
    this.#listeners.add(response);
    response.on('close', () => this.#listeners.delete(response));
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { ...SECURITY, 'content-type': 'application/json' });
  response.end(consoleJson(value));
}

function sendPage(response: ServerResponse, [file, type]: readonly [string, string]): void {
  response.writeHead(200, { ...SECURITY, 'content-type': type });
  response.end(readFileSync(new URL(`page/${file}`, import.meta.url)));
}

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  if (request.method === 'GET') return {};
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    throw new MillraceError('INVALID_REQUEST', 'the body has to be JSON', {
      hint: 'Send content-type: application/json.',
    });
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES)
      throw new MillraceError('MESSAGE_TOO_LARGE', `the body has more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString() || '{}') as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new MillraceError('INVALID_REQUEST', 'the body is no JSON', { cause });
  }
}

/** The API for a server of Node. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyTooLarge, type HttpApi, MAX_BODY_BYTES } from './http-api.ts';

/** See the top of this file. */
export class NodeHttpApi {
  readonly #api: HttpApi;

  constructor(api: HttpApi) {
    this.#api = api;
  }

  /** Whether a path is one of the API. */
  matches(pathname: string): boolean {
    return this.#api.matches(pathname);
  }

  /** Answers whatever comes; never rejects. */
  async serve(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
      }
    } catch {
      // It has hung up.
      return;
    }
    const { searchParams: query } = new URL(request.url ?? '/', 'http://localhost');
    const headers = request.headers as Readonly<Record<string, string>>;
    const asked = { method: request.method ?? '', path: pathname, query, headers, body: Buffer.concat(chunks) };
    const answer = bytes > MAX_BODY_BYTES ? bodyTooLarge() : await this.#api.answer(asked);
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  }
}

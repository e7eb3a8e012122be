/** A server on 127.0.0.1 that answers what a test tells it to, so that the real SDK clients meet whatever AWS may do to them. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it came over the wire. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Of the client: the same for all requests of one connection. */
  readonly clientPort: number | undefined;
}

/** What the server does. */
export type ScriptedAnswer =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
    }
  /** Ends the connection without an answer. */
  | 'reset'
  /** Never answers. */
  | 'silence'
  /** Begins an answer of ten bytes and ends the connection in the middle of them. */
  | 'truncate';

/** A server and what it has seen. */
export interface ScriptedServer {
  readonly endpoint: string;
  readonly requests: readonly SeenRequest[];
  stop(): Promise<void>;
}

function give(response: ServerResponse, answer: ScriptedAnswer): void {
  if (answer === 'silence') return;
  if (answer === 'reset') {
    response.socket?.destroy();
    return;
  }
  if (answer === 'truncate') {
    response.writeHead(206, { 'content-length': '10', 'content-range': 'bytes 0-9/10' });
    response.write('half', () => response.socket?.destroy());
    return;
  }
  response.writeHead(answer.status, answer.headers);
  response.end(answer.body);
}

/** Starts a server that answers each request by `script`. */
export async function scriptedServer(script: (request: SeenRequest) => ScriptedAnswer): Promise<ScriptedServer> {
  const requests: SeenRequest[] = [];
  const server = createServer(async (incoming, response) => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const { method = '', url: path = '', headers } = incoming;
    const request = { method, path, headers, body: Buffer.concat(parts), clientPort: incoming.socket.remotePort };
    requests.push(request);
    give(response, script(request));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Answers each request by the next of these, the last one again and again. */
export function inTurn(...answers: readonly ScriptedAnswer[]): () => ScriptedAnswer {
  let next = 0;
  return () => answers[Math.min(next++, answers.length - 1)]!;
}

/** An error as S3 writes it. */
export function s3Error(status: number, code: string, message = 'said the test'): ScriptedAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>1</RequestId></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

/** An answer of DynamoDB. */
export function dynamoAnswer(body: object, status = 200): ScriptedAnswer {
  return { status, headers: { 'content-type': 'application/x-amz-json-1.0' }, body: JSON.stringify(body) };
}

/** An error as DynamoDB writes it. */
export function dynamoError(status: number, code: string, more: object = {}): ScriptedAnswer {
  const type = `com.amazonaws.dynamodb.v20120810#${code}`;
  return dynamoAnswer({ __type: type, message: 'said the test', ...more }, status);
}

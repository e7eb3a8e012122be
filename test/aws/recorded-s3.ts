/** Exchanges with S3: how they are recorded on their way to a real server, and a server that answers by the record. */
import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inTurn, type SeenRequest, scriptedServer } from './scripted-server.ts';

/** What a request must say. Signatures and dates differ each time. */
const REQUEST_HEADERS = [
  'content-length',
  'content-type',
  'if-none-match',
  'range',
  'x-amz-checksum-crc32',
  'x-amz-checksum-mode',
  'x-amz-sdk-checksum-algorithm',
];
/** What an answer says to the SDK. */
const ANSWER_HEADERS = [
  'content-type',
  'content-length',
  'content-range',
  'etag',
  'x-amz-checksum-crc32',
  'x-amz-checksum-type',
];

/** A request without what differs each time. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As latin1. */
  readonly body: string;
}

/** A request and its answer. */
export interface Exchange {
  readonly request: RecordedRequest;
  readonly answer: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
}

function pick(headers: IncomingHttpHeaders, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]])),
  );
}

type WireRequest = Omit<SeenRequest, 'clientPort'>;

function recorded({ method, path, headers, body }: WireRequest): RecordedRequest {
  return { method, path, headers: pick(headers, REQUEST_HEADERS), body: body.toString('latin1') };
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

/** Passes a request on. `Host` stays as it is, since the signature covers it. */
function forward(target: string, { method, path, headers, body }: WireRequest): Promise<Exchange['answer']> {
  return new Promise((resolve, reject) => {
    const outgoing = send(
      new URL(path, target),
      { method, headers: headers as OutgoingHttpHeaders },
      async (answer) => {
        const received = await read(answer);
        const status = answer.statusCode ?? 0;
        resolve({ status, headers: pick(answer.headers, ANSWER_HEADERS), body: received.toString('latin1') });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Runs `ask` against a proxy of the server at `target` and returns what passed through. */
export async function recordExchanges(
  target: string,
  ask: (endpoint: string) => Promise<unknown>,
): Promise<Exchange[]> {
  const exchanges: Exchange[] = [];
  const proxy = createServer(async (incoming, response) => {
    const { method = '', url: path = '', headers } = incoming;
    const request = { method, path, headers, body: await read(incoming) };
    const answer = await forward(target, request);
    exchanges.push({ request: recorded(request), answer });
    response.writeHead(answer.status, answer.headers).end(Buffer.from(answer.body, 'latin1'));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  await ask(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
  return exchanges;
}

/** A server that answers by the record, in its order. `requests()` is what was asked of it, to be compared with the record. */
export async function recordedS3(exchanges: readonly Exchange[]): Promise<{
  readonly endpoint: string;
  requests(): readonly RecordedRequest[];
  stop(): Promise<void>;
}> {
  const answers = exchanges.map(({ answer: { status, headers, body } }) => ({
    status,
    headers,
    body: Buffer.from(body, 'latin1'),
  }));
  const server = await scriptedServer(inTurn(...answers));
  return {
    endpoint: server.endpoint,
    requests: () => server.requests.map((request) => recorded(request)),
    stop: () => server.stop(),
  };
}

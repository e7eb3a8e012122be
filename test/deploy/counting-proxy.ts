/** Stands between those who ask and the emulator, and counts what they ask. */
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';

/** See the top of this file. */
export interface CountingProxy {
  readonly endpoint: string;
  /** GETs of objects: those of a byte range, and of the whole. */
  readonly gets: { ranged: number; whole: number };
  readonly requests: CountedRequests;
  stop(): void;
}

/** What AWS charges for. */
export interface CountedRequests {
  puts: number;
  gets: number;
  /** Of heads and their chunks. */
  headWrites: number;
  /** Of groups, leases among it. */
  groupWrites: number;
  /** Items that are read and queries, all of them consistent and small. */
  reads: number;
  /** Of these the queries. */
  queries: number;
  /** Of functions. */
  calls: number;
}

const noRequests = (): CountedRequests => ({
  ...{ puts: 0, gets: 0, headWrites: 0, groupWrites: 0, reads: 0, queries: 0, calls: 0 },
});

/** A request of DynamoDB, as far as it is counted. */
interface ItemRequest {
  readonly Key?: { readonly pk: { readonly S: string } };
  readonly Item?: { readonly pk: { readonly S: string } };
  readonly RequestItems?: Readonly<Record<string, { readonly Keys: readonly object[] }>>;
}

function countItems(requests: CountedRequests, operation: string, body: ItemRequest): void {
  const key = (body.Key ?? body.Item)?.pk.S ?? '';
  if (operation === 'GetItem') requests.reads += 1;
  if (operation === 'Query') {
    requests.reads += 1;
    requests.queries += 1;
  }
  if (operation === 'BatchGetItem') {
    for (const { Keys } of Object.values(body.RequestItems ?? {})) requests.reads += Keys.length;
  }
  if (!/^(Put|Update|Delete)Item$/.test(operation)) return;
  if (key.startsWith('P#')) requests.headWrites += 1;
  if (key.startsWith('G#')) requests.groupWrites += 1;
}

/** Starts one on a free port. */
export async function countingProxy(to: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(to);
  const gets = { ranged: 0, whole: 0 };
  const requests = noRequests();
  const server = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    // An object, and not a listing.
    const isObject = method === 'GET' && /^\/[^/?]+\/[^?]+/.test(path ?? '') && !path!.startsWith('/20');
    if (isObject) {
      gets[headers.range === undefined ? 'whole' : 'ranged'] += 1;
      requests.gets += 1;
    }
    if (/\/invocations$/.test(path ?? '')) requests.calls += 1;
    else if (method === 'PUT') requests.puts += 1;
    const operation = String(headers['x-amz-target'] ?? '').split('.')[1];
    if (operation !== undefined) {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => countItems(requests, operation, JSON.parse(Buffer.concat(chunks).toString())));
    }
    const forwarded = httpRequest({ hostname, port, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    gets,
    requests,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Stands between a function and the emulator, and counts what the function asks. */
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';

/** See the top of this file. */
export interface CountingProxy {
  readonly endpoint: string;
  /** GETs of objects: those of a byte range, and of the whole. */
  readonly gets: { ranged: number; whole: number };
  stop(): void;
}

/** Starts one on a free port. */
export async function countingProxy(to: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(to);
  const gets = { ranged: 0, whole: 0 };
  const server = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    // An object, and not a listing.
    const isObject = method === 'GET' && /^\/[^/?]+\/[^?]+/.test(path ?? '') && !path!.startsWith('/20');
    if (isObject) gets[headers.range === undefined ? 'whole' : 'ranged'] += 1;
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
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

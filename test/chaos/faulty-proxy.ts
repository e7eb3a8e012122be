/**
 * A proxy between clients and a server that does what networks do: `node faulty-proxy.ts <target port> <fault probability>`; it prints its own port.
 *
 * | fault | the server | the client |
 * |---|---|---|
 * | dropped | never hears of it | a broken connection |
 * | lost | does it | a broken connection |
 * | late | does it up to three seconds later | a broken connection, at once |
 * | slow | does it up to two seconds later | the answer |
 * | repeated | does it twice, if it did it at all | the first answer |
 * | truncated | does it | half of the answer, then a broken connection |
 * | unavailable | never hears of it | 503 |
 *
 * A refusal is never repeated: a copy that is done after its refusal was answered would be a retry that nobody knows of, which no server makes.
 */
import http from 'node:http';

const FAULTS = ['dropped', 'lost', 'late', 'slow', 'repeated', 'truncated', 'unavailable'] as const;
const LATE_MS = 3_000;
const SLOW_MS = 2_000;

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Which bytes belong to a message is said anew. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'expect', 'content-length']);

async function bytesOf(stream: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function ask(port: number, { method, path, headers, body }: Asked): Promise<Answer> {
  const kept: http.OutgoingHttpHeaders = Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)),
  );
  if (method !== 'GET' && method !== 'HEAD') kept['content-length'] = String(body.length);
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, method, path, headers: kept, setHost: false });
    request.on('error', reject).on('response', (response) => {
      bytesOf(response).then(
        (answer) => resolve({ status: response.statusCode ?? 502, headers: response.headers, body: answer }),
        reject,
      );
    });
    request.end(body);
  });
}

function give(response: http.ServerResponse, { status, headers, body }: Answer, isWhole: boolean): void {
  const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...kept } = headers;
  // The answer to a HEAD says how long the body would be.
  response.writeHead(status, body.length === 0 ? kept : { ...kept, 'content-length': String(body.length) });
  if (isWhole) response.end(body);
  else response.write(body.subarray(0, body.length >> 1), () => response.destroy());
}

const pause = (durationMs: number) => new Promise((resolve) => setTimeout(resolve, durationMs));
const upTo = (mostMs: number) => pause(Math.random() * mostMs);

async function handle(port: number, probability: number, asked: Asked, response: http.ServerResponse): Promise<void> {
  const fault = Math.random() < probability ? FAULTS[Math.floor(Math.random() * FAULTS.length)] : undefined;
  switch (fault) {
    case 'dropped':
      return void response.destroy();
    case 'unavailable':
      return void response.writeHead(503, { 'content-length': '0' }).end();
    case 'late':
      response.destroy();
      await upTo(LATE_MS);
      await ask(port, asked);
      return;
    case 'slow':
      await upTo(SLOW_MS);
  }
  const answer = await ask(port, asked);
  if (fault === 'repeated' && answer.status < 300) await ask(port, asked);
  if (fault === 'lost') response.destroy();
  else give(response, answer, fault !== 'truncated' || answer.body.length < 2);
}

const [targetPort = '', probability = '0'] = process.argv.slice(2);
const server = http.createServer((request, response) => {
  void bytesOf(request)
    .then((body) => {
      const { method = 'GET', url: path = '/', headers } = request;
      return handle(Number(targetPort), Number(probability), { method, path, headers, body }, response);
    })
    .catch(() => response.destroy());
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port));

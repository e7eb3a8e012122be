/**
 * A proxy that answers as late as AWS does: `node bench/latency-proxy.ts <target port> <profile>`; it prints its own port.
 *
 * A request is taken in full, then its delay runs out, then it goes to the server behind: a write becomes visible when it is about to be acknowledged, not before. Delays are lognormal with the
 * median and the 99th percentile of the profile, see `aws-latency.ts`.
 */
import http from 'node:http';
import { drawMs, LATENCIES, type Latency } from './aws-latency.ts';

/** Whose latencies a proxy has. */
export type Profile = 's3' | 's3Slow' | 'dynamodb';

const pause = (durationMs: number) => new Promise((resolve) => setTimeout(resolve, durationMs));

/** Which bytes belong to a request is said anew. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'expect', 'content-length']);

async function handle(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  target: { readonly port: number; readonly agent: http.Agent; readonly latencies: Record<string, Latency> },
): Promise<void> {
  const startMs = performance.now();
  const method = request.method ?? 'GET';
  const latency = target.latencies[method];
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const leftMs = (latency === undefined ? 0 : drawMs(latency, Math.random)) - (performance.now() - startMs);
  if (leftMs > 0.5) await pause(leftMs);
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !HOP_BY_HOP.has(name)));
  if (method !== 'GET' && method !== 'HEAD') headers['content-length'] = String(body.length);
  const { port, agent } = target;
  const behind = http.request({ host: '127.0.0.1', port, method, path: request.url, headers, agent, setHost: false });
  behind.on('error', () => response.destroy());
  behind.on('response', (answer) => {
    const { connection: _, 'keep-alive': __, ...kept } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, kept);
    answer.pipe(response);
  });
  behind.end(body);
}

if (import.meta.main) {
  const [targetPort = '', profile = 's3'] = process.argv.slice(2);
  const agent = new http.Agent({ keepAlive: true });
  const target = { port: Number(targetPort), agent, latencies: LATENCIES[profile as Profile] };
  const server = http.createServer((request, response) => {
    handle(request, response, target).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port));
}

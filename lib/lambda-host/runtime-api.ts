/**
 * Lambda's Runtime API for one process: the server that a function's run time asks for its next call, and tells what came of it. Source: "Using the Lambda runtime API" in the Lambda developer guide, and its OpenAPI description.
 *
 * Each process has a server of its own, because run times know no more of it than a host and a port.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A call on its way to a process. */
export interface RuntimeCall {
  readonly requestId: string;
  readonly payload: string;
  /** Milliseconds since 1970. */
  readonly deadlineMs: number;
  readonly functionArn: string;
}

/** What a process tells. */
export interface RuntimeEvents {
  /** It waits for a call: the one before, if any, is over. */
  onReady(): void;
  onResponse(requestId: string, payload: string): void;
  onError(requestId: string, error: RuntimeError): void;
  /** It could not even begin. */
  onInitError(error: RuntimeError): void;
}

/** An error as run times tell it. */
export interface RuntimeError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly stack: string;
}

/** Lambda: the payload of an answer. */
export const MAX_RESPONSE_BYTES = 6 * 1024 * 1024;
/** More than that is not even read. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const VERSION = '/2018-06-01/runtime';

/** See the module comment. */
export class RuntimeApi {
  readonly #events: RuntimeEvents;
  readonly #server: Server;
  #waiting: ServerResponse | null = null;

  constructor(events: RuntimeEvents) {
    this.#events = events;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    // A process asks for its next call and waits for hours.
    this.#server.requestTimeout = 0;
    this.#server.keepAliveTimeout = 0;
  }

  /** Listens, and resolves to what AWS_LAMBDA_RUNTIME_API has to say. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Gives a process that waits its call. */
  give({ requestId, payload, deadlineMs, functionArn }: RuntimeCall): void {
    const response = this.#waiting!;
    this.#waiting = null;
    response.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': requestId,
      'lambda-runtime-deadline-ms': String(Math.floor(deadlineMs)),
      'lambda-runtime-invoked-function-arn': functionArn,
      'lambda-runtime-trace-id': `Root=1-00000000-${requestId.replaceAll('-', '').slice(0, 24)};Sampled=0`,
    });
    response.end(payload);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    if (request.method === 'GET' && path === `${VERSION}/invocation/next`) {
      this.#waiting = response;
      this.#events.onReady();
      return;
    }
    const body = await readBody(request).catch(() => null);
    if (body === null) return this.#answer(response, 413);
    const match = /^\/2018-06-01\/runtime\/invocation\/([^/]+)\/(response|error)$/.exec(path);
    if (match?.[2] === 'response') {
      this.#answer(response, 202);
      this.#responded(match[1]!, body);
    } else if (match?.[2] === 'error') {
      this.#answer(response, 202);
      this.#events.onError(match[1]!, errorOf(body));
    } else if (path === `${VERSION}/init/error`) {
      this.#answer(response, 202);
      this.#events.onInitError(errorOf(body));
    } else this.#answer(response, 404);
  }

  #responded(requestId: string, body: Buffer): void {
    if (body.length <= MAX_RESPONSE_BYTES) this.#events.onResponse(requestId, body.toString());
    else {
      this.#events.onError(requestId, {
        errorType: 'Function.ResponseSizeTooLarge',
        errorMessage: `Response payload size (${body.length} bytes) exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`,
        stack: '',
      });
    }
  }

  #answer(response: ServerResponse, status: number): void {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(status === 202 ? '{"status":"OK"}' : `{"errorMessage":"HTTP ${status}"}`);
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** An error that is no JSON is what it says. */
function errorOf(body: Buffer): RuntimeError {
  const text = body.toString();
  try {
    const { errorType, errorMessage, stackTrace, trace } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const lines = Array.isArray(stackTrace) ? stackTrace : trace;
    return {
      errorType: typeof errorType === 'string' ? errorType : 'Error',
      errorMessage: typeof errorMessage === 'string' ? errorMessage : text.slice(0, 1_000),
      stack: Array.isArray(lines) ? lines.map(String).join('\n') : '',
    };
  } catch {
    return { errorType: 'Error', errorMessage: text.slice(0, 1_000), stack: '' };
  }
}

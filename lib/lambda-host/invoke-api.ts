/**
 * Lambda's Invoke API over a host: `POST /2015-03-31/functions/NAME/invocations`, so that `aws lambda invoke --endpoint-url` and the SDK call functions on this machine. Source: "Invoke" in the Lambda API reference.
 *
 * Signatures are not checked. What a page of another site could send without being asked is refused: no signature, and a content type that forms have, or none.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import type { InvokeAnswer } from '../event-source/push/function-invoker.ts';
import type { HostNews, LambdaHost } from './lambda-host.ts';

const PATH = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;
/** Lambda: payloads of calls. Source: "Lambda quotas" in the developer guide. */
const MAX_BYTES = { RequestResponse: 6 * 1024 * 1024, Event: 1024 * 1024, DryRun: 6 * 1024 * 1024 } as const;
/** Lambda: what is told of the log. */
const TAIL_BYTES = 4096;
/** Lines are on their way for a moment when the answer is there. */
const LINES_MS = 20;

type InvocationType = keyof typeof MAX_BYTES;

/** An error as the API tells it. */
class InvokeError extends Error {
  override readonly name: string;
  readonly status: number;
  readonly more: Readonly<Record<string, string>>;

  constructor(status: number, name: string, message: string, more: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = name;
    this.status = status;
    this.more = more;
  }
}

/** See the module comment. */
export class InvokeApi {
  readonly #host: LambdaHost;
  readonly #clock: Clock;
  /** Told of each line of a function's log, by its name. */
  readonly #listeners = new Set<(name: string, line: string) => void>();

  constructor(host: LambdaHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /** To be told of what happens in the host, for the tail of the log. */
  tell(news: HostNews): void {
    if (news.kind === 'log') for (const listener of this.#listeners) listener(news.name, news.line);
  }

  /** Whether a path is one of this API. */
  matches(pathname: string): boolean {
    return PATH.test(pathname);
  }

  /** Answers a request for a path that matches. */
  async serve(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void> {
    try {
      await this.#invoke(request, response, functionName(PATH.exec(pathname)![1]!));
    } catch (error) {
      const { status, name, message, more } =
        error instanceof InvokeError ? error : new InvokeError(500, 'ServiceException', String(error));
      response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': name });
      response.end(JSON.stringify({ Type: status < 500 ? 'User' : 'Service', Message: message, ...more }));
    }
  }

  async #invoke(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> {
    if (request.method !== 'POST') throw new InvokeError(405, 'MethodNotAllowedException', 'Use POST.');
    if (!isAskedFor(request)) {
      throw new InvokeError(415, 'UnsupportedMediaTypeException', 'Sign it, or send content-type: application/json.');
    }
    const type = invocationType(request);
    const payload = await payloadOf(request, MAX_BYTES[type]);
    if (!this.#host.names.includes(name)) {
      const known = this.#host.names.join(', ') || 'none';
      const message = `Function not found: arn:aws:lambda:local:000000000000:function:${name}; there are: ${known}`;
      throw new InvokeError(404, 'ResourceNotFoundException', message);
    }
    if (type === 'Event') this.#host.invokeAsync(name, payload);
    if (type === 'RequestResponse') return this.#wait(request, response, name, payload);
    response.writeHead(type === 'Event' ? 202 : 204).end();
  }

  async #wait(request: IncomingMessage, response: ServerResponse, name: string, payload: string): Promise<void> {
    const lines: string[] = [];
    const listener = (of: string, line: string) => {
      if (of === name) lines.push(line);
    };
    this.#listeners.add(listener);
    try {
      const answer = await this.#host.invoke(name, payload);
      if (answer.kind === 'missing') throw new InvokeError(404, 'ResourceNotFoundException', answer.error);
      if (answer.kind === 'throttled') {
        throw new InvokeError(429, 'TooManyRequestsException', 'Rate Exceeded.', {
          Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
        });
      }
      const wantsTail = request.headers['x-amz-log-type'] === 'Tail';
      if (wantsTail) await this.#clock.sleep(LINES_MS);
      const tail = Buffer.from(lines.map((line) => `${line}\n`).join('')).subarray(-TAIL_BYTES);
      response.writeHead(200, {
        'content-type': 'application/json',
        'x-amz-executed-version': '$LATEST',
        ...(answer.kind === 'failed' && { 'x-amz-function-error': 'Unhandled' }),
        ...(wantsTail && { 'x-amz-log-result': tail.toString('base64') }),
      });
      response.end(bodyOf(answer));
    } finally {
      this.#listeners.delete(listener);
    }
  }
}

function bodyOf(answer: Extract<InvokeAnswer, { readonly kind: 'returned' | 'failed' }>): string {
  if (answer.kind === 'returned') return answer.payload === '' ? 'null' : answer.payload;
  const { errorType, errorMessage, stack } = answer;
  return JSON.stringify({ errorType, errorMessage, trace: stack === '' ? [] : stack.split('\n') });
}

/** `NAME`, `NAME:ALIAS`, `ACCOUNT:function:NAME`, or an ARN. */
function functionName(segment: string): string {
  const text = decodeURIComponent(segment);
  return /(?:^|:)function:([^:]+)/.exec(text)?.[1] ?? text.split(':')[0]!;
}

/** The content types of forms, and none at all, need no leave of this server. */
function isAskedFor({ headers }: IncomingMessage): boolean {
  const type = (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  const isOfForms = ['', 'text/plain', 'multipart/form-data', 'application/x-www-form-urlencoded'].includes(type);
  return !isOfForms || /^AWS4-/.test(headers.authorization ?? '');
}

function invocationType({ headers }: IncomingMessage): InvocationType {
  const type = headers['x-amz-invocation-type'] ?? 'RequestResponse';
  if (typeof type === 'string' && Object.hasOwn(MAX_BYTES, type)) return type as InvocationType;
  const known = Object.keys(MAX_BYTES).join(', ');
  throw new InvokeError(400, 'InvalidParameterValueException', `InvocationType ${String(type)} is none of ${known}`);
}

/** JSON, or nothing. */
async function payloadOf(request: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
  }
  if (bytes > maxBytes) {
    const message = `Request must be smaller than ${maxBytes} bytes for the InvokeFunction operation`;
    throw new InvokeError(413, 'RequestTooLargeException', message);
  }
  const text = Buffer.concat(chunks).toString();
  try {
    if (text !== '') JSON.parse(text);
    return text;
  } catch (cause) {
    const message = `Could not parse request body into json: ${(cause as Error).message}`;
    throw new InvokeError(400, 'InvalidRequestContentException', message);
  }
}

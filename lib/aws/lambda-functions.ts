/** Calls functions of Lambda. Needs the peer @aws-sdk/client-lambda and the action lambda:InvokeFunction on each of them. */
import { InvokeCommand, type InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import type { Clock, Random } from '../clock.ts';
import { hasCode, type MillraceError } from '../errors.ts';
import type { FunctionInvoker, InvokeAnswer } from '../event-source/push/function-invoker.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { type AwsPlace, clientConfig } from './aws-clients.ts';
import { AwsConnection } from './aws-connection.ts';
import type { AwsRequest } from './aws-errors.ts';
import { LAMBDA_MEANINGS } from './lambda-error-meanings.ts';

/** What it needs. */
export interface LambdaFunctionsDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Default: where the SDK looks. */
  readonly place?: AwsPlace;
}

/** A function may run for fifteen minutes; an answer that takes longer than that is lost. */
const ANSWER_MS = 910_000;
/** What lies between may drop a connection on which nothing is said for some minutes while a function runs. Source: "Invoke" in the Lambda API reference, on long connections. */
const KEEP_ALIVE_MS = 60_000;
/** What Lambda tells of a call that was not made, and will not be before something is changed. */
const CANNOT_BE_CALLED = ['STORE_MISSING', 'ACCESS_DENIED', 'INVALID_REQUEST'] as const;

/** See the top of this file. */
export class LambdaFunctions implements FunctionInvoker {
  readonly #deps: LambdaFunctionsDeps;
  readonly #connection = new AwsConnection();
  readonly #client: LambdaClient;

  constructor(deps: LambdaFunctionsDeps) {
    this.#deps = deps;
    const { requestHandler, ...config } = clientConfig(deps.place ?? {});
    const { httpAgent, httpsAgent, ...handler } = requestHandler;
    this.#client = new LambdaClient({
      ...config,
      requestHandler: {
        ...handler,
        httpAgent: { ...httpAgent, keepAliveInitialDelay: KEEP_ALIVE_MS },
        httpsAgent: { ...httpsAgent, keepAliveInitialDelay: KEEP_ALIVE_MS },
        requestTimeout: ANSWER_MS,
        socketTimeout: ANSWER_MS,
      },
    });
  }

  /** See `FunctionInvoker.invoke`. */
  async invoke(target: string, payload: string): Promise<InvokeAnswer> {
    const command = new InvokeCommand({ FunctionName: target, Payload: Buffer.from(payload) });
    const request: AwsRequest = { ...requestOf('Invoke', target), effect: 'write' };
    try {
      return answerOf(await this.#connection.ask(request, () => this.#client.send(command)));
    } catch (error) {
      if (hasCode(error, 'THROTTLED')) return { kind: 'throttled' };
      if (isRefusedAsTooLarge(error)) return failed('RequestTooLargeException', (error as Error).message);
      if (CANNOT_BE_CALLED.some((code) => hasCode(error, code))) {
        return { kind: 'missing', error: textOf(error as MillraceError) };
      }
      throw error;
    }
  }

  /** Has a function called, with retries by Lambda: resolves once Lambda has taken the event. It may be called more than once. Throws what Lambda answers after ten attempts. */
  async start(target: string, payload: string): Promise<void> {
    const command = new InvokeCommand({
      FunctionName: target,
      InvocationType: 'Event',
      Payload: Buffer.from(payload),
    });
    const request = requestOf('Invoke', target);
    await repeatRequest(this.#deps, () => this.#connection.ask(request, () => this.#client.send(command)));
  }

  close(): void {
    this.#connection.close();
    this.#client.destroy();
  }
}

/** Being called twice does no harm where an event is a hint. */
function requestOf(operation: string, target: string): AwsRequest {
  return { operation, effect: 'read', meanings: LAMBDA_MEANINGS, container: target, value: target };
}

function answerOf({ FunctionError, Payload }: InvokeCommandOutput): InvokeAnswer {
  const payload = Payload === undefined ? '' : Buffer.from(Payload).toString();
  if (FunctionError === undefined) return { kind: 'returned', payload };
  return failureOf(payload);
}

/** What a runtime tells of an error: `{ errorType, errorMessage, trace | stackTrace }`. Source: "Function errors" in the Lambda developer guide. */
function failureOf(payload: string): InvokeAnswer {
  try {
    const { errorType, errorMessage, trace, stackTrace } = JSON.parse(payload) as Record<string, unknown>;
    const lines = [trace, stackTrace].find(Array.isArray) ?? [];
    const type = typeof errorType === 'string' ? errorType : 'Error';
    return failed(type, typeof errorMessage === 'string' ? errorMessage : payload, lines.join('\n'));
  } catch {
    return failed('Error', payload);
  }
}

function failed(errorType: string, errorMessage: string, stack = ''): InvokeAnswer {
  return { kind: 'failed', errorType, errorMessage, stack };
}

function isRefusedAsTooLarge(error: unknown): boolean {
  return hasCode(error, 'INVALID_REQUEST') && (error.cause as Error | undefined)?.name === 'RequestTooLargeException';
}

function textOf({ message, hint }: MillraceError): string {
  return hint === undefined ? message : `${message}. ${hint}`;
}

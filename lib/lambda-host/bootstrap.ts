/**
 * The run time of a function on this machine: asks the Runtime API for calls, one after another, and runs the handler. Begun by `FunctionProcess` as a program of its own.
 *
 * The handler may be async, or call back as Lambda's older ones do; `context` is that of Node.js functions. Source: "Define Lambda function handler in Node.js" in the Lambda developer guide.
 */
import { enableCompileCache, flushCompileCache } from 'node:module';
import { pathToFileURL } from 'node:url';
import { systemClock } from '../clock.ts';

type Handler = (event: unknown, context: object, callback: (error: unknown, result?: unknown) => void) => unknown;

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;

/** As Lambda names it. */
class HandlerNotFound extends Error {
  override readonly name = 'Runtime.HandlerNotFound';
}

async function post(path: string, body: string): Promise<void> {
  await fetch(`${api}/${path}`, { method: 'POST', body });
}

function errorText(cause: unknown): string {
  const error = cause instanceof Error ? cause : null;
  return JSON.stringify({
    errorType: error?.name ?? typeof cause,
    errorMessage: error?.message ?? String(cause),
    trace: error?.stack?.split('\n') ?? [],
  });
}

async function loadHandler(): Promise<Handler> {
  const { MILLRACE_FUNCTION_FILE: file = '', MILLRACE_FUNCTION_HANDLER: name = 'handler' } = process.env;
  // Several processes of one function begin at once, and each would compile the same modules: three quarters of a cold start.
  enableCompileCache();
  const module = (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
  const inner = module.default as Readonly<Record<string, unknown>> | undefined;
  const handler = module[name] ?? inner?.[name];
  // Now, since these processes are killed: nothing is stored when they end.
  flushCompileCache();
  if (typeof handler === 'function') return handler as Handler;
  throw new HandlerNotFound(`${file} has no function ${name}`);
}

function contextOf(headers: Headers): object {
  const deadlineMs = Number(headers.get('lambda-runtime-deadline-ms'));
  const { env } = process;
  return {
    awsRequestId: headers.get('lambda-runtime-aws-request-id'),
    invokedFunctionArn: headers.get('lambda-runtime-invoked-function-arn'),
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: '$LATEST',
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: `/aws/lambda/${env.AWS_LAMBDA_FUNCTION_NAME}`,
    logStreamName: String(process.pid),
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - systemClock.nowMs()),
  };
}

function run(handler: Handler, event: unknown, context: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const callback = (error: unknown, result?: unknown) => (error == null ? resolve(result) : reject(error));
    const returned = handler(event, context, callback);
    const isPromise = typeof (returned as PromiseLike<unknown> | undefined)?.then === 'function';
    // A handler of less than three parameters that returns no promise is done.
    if (isPromise || handler.length < 3) resolve(returned);
  });
}

async function main(): Promise<never> {
  let handler: Handler;
  try {
    handler = await loadHandler();
  } catch (error) {
    await post('init/error', errorText(error));
    process.exit(1);
  }
  for (;;) {
    // Nobody is there any more: the host has ended.
    const next = await fetch(`${api}/invocation/next`).catch(() => process.exit(0));
    const requestId = next.headers.get('lambda-runtime-aws-request-id');
    const text = await next.text();
    try {
      const result = await run(handler, text === '' ? {} : JSON.parse(text), contextOf(next.headers));
      await post(`invocation/${requestId}/response`, JSON.stringify(result) ?? '');
    } catch (error) {
      await post(`invocation/${requestId}/error`, errorText(error));
    }
  }
}

await main();

import { DEFAULT_TIME_MS, type FunctionContext } from '../middleware/function-time.ts';

/** What of Lambda's context is used. */
export interface DeployedContext extends FunctionContext {
  readonly invokedFunctionArn?: string;
}

/** A handler as Lambda calls it. */
export type Handler = (event: unknown, context: DeployedContext) => Promise<unknown>;

/** What is left of a call. */
export function remainingMs(context: DeployedContext): number {
  return context.getRemainingTimeInMillis?.() ?? DEFAULT_TIME_MS;
}

/** A line in the log of the function. */
export function say(line: string): void {
  console.log(line);
}

/**
 * What `millrace dev` runs, as a file says it: topics, functions and subscriptions. All of it is made if it is not there.
 *
 * @example
 * {
 *   "topics": { "orders": { "partitions": 4 } },
 *   "functions": { "bill": { "file": "functions/bill.ts", "timeout": "30s" } },
 *   "subscriptions": { "billing": { "topic": "orders", "function": "bill", "batchSize": 10 } }
 * }
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { MillraceError } from '../errors.ts';
import type { SubscriptionOptions } from '../event-source/subscription-options.ts';
import type { CreateSubscriptionRequest } from '../event-source/subscription-request.ts';
import type { FunctionConfig } from '../lambda-host/function-config.ts';
import { parseDuration } from '../log/duration.ts';
import { checkOptionNames } from '../log/option-names.ts';

/** See the module comment. */
export interface DevConfig {
  readonly topics: readonly { readonly name: string; readonly partitionCount: number }[];
  readonly functions: readonly FunctionConfig[];
  readonly subscriptions: readonly CreateSubscriptionRequest[];
}

interface FileForm {
  readonly topics?: Readonly<Record<string, { readonly partitions?: number }>>;
  readonly functions?: Readonly<
    Record<string, Omit<FunctionConfig, 'name' | 'timeoutMs'> & { readonly timeout?: string }>
  >;
  readonly subscriptions?: Readonly<
    Record<string, Partial<SubscriptionOptions> & { readonly topic: string; readonly function: string }>
  >;
}

/** Nothing. */
export const EMPTY_CONFIG: DevConfig = { topics: [], functions: [], subscriptions: [] };

/** Reads a file; files in it are relative to it. Throws INVALID_CONFIG, which says what is wrong. */
export function readDevConfig(path: string): DevConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MillraceError('INVALID_CONFIG', `${path} cannot be read`, {
      value: path,
      hint: 'Name a file that is there.',
      cause,
    });
  }
  try {
    return configOf(JSON.parse(text) as FileForm, dirname(resolve(path)));
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    throw new MillraceError('INVALID_CONFIG', `${path} is no JSON: ${String(cause)}`, {
      value: path,
      hint: 'Correct it.',
      cause,
    });
  }
}

function configOf(form: FileForm, directory: string): DevConfig {
  checkOptionNames(form, ['topics', 'functions', 'subscriptions']);
  const { topics = {}, functions = {}, subscriptions = {} } = form;
  return {
    topics: Object.entries(topics).map(([name, { partitions = 1 }]) => ({ name, partitionCount: partitions })),
    functions: Object.entries(functions).map(([name, { timeout, file, ...rest }]) => ({
      ...rest,
      name,
      file: resolve(directory, file),
      ...(timeout !== undefined && { timeoutMs: parseDuration(timeout) }),
    })),
    subscriptions: Object.entries(subscriptions).map(([name, { topic, function: target, ...options }]) => ({
      name,
      topic,
      target,
      options,
    })),
  };
}

/** `NAME=FILE` or `NAME=FILE#EXPORT`. Throws INVALID_CONFIG. */
export function parseFunctionArgument(text: string): FunctionConfig {
  const match = /^([^=]+)=([^#]+)(?:#(.+))?$/.exec(text);
  if (match === null) {
    throw new MillraceError('INVALID_CONFIG', `${text} is no function`, {
      value: text,
      hint: 'For example: bill=functions/bill.ts#handler',
    });
  }
  const [, name, file, handler] = match;
  return { name: name!, file: resolve(file!), ...(handler !== undefined && { handler }) };
}

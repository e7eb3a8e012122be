import { MillraceError } from '../errors.ts';

/** A function as a person configures it. Defaults are Lambda's. */
export interface FunctionConfig {
  /** 1 to 64 of `a-zA-Z0-9-_`. */
  readonly name: string;
  /** The module with the handler: `.ts`, `.mjs`, `.js` or `.cjs`. */
  readonly file: string;
  /** Its export. Default `handler`. */
  readonly handler?: string;
  /** 1 to 900,000. Default 3,000. */
  readonly timeoutMs?: number;
  /** 128 to 10,240. Default 128. Of the resident memory of the process, where the system tells it (Linux). */
  readonly memoryMb?: number;
  /** Calls at once; more are throttled. Default 10: this is a laptop. */
  readonly reservedConcurrency?: number;
  readonly environment?: Readonly<Record<string, string>>;
  /** Stops the process between two calls, as Lambda freezes it. Default false. */
  readonly freeze?: boolean;
}

/** With all defaults. */
export type CheckedFunctionConfig = Required<FunctionConfig>;

const NAME = /^[a-zA-Z0-9-_]{1,64}$/;
const RANGES = {
  timeoutMs: { least: 1, most: 900_000 },
  memoryMb: { least: 128, most: 10_240 },
  reservedConcurrency: { least: 0, most: 1_000 },
} as const;

/** Checks a configuration and fills in the defaults. Throws INVALID_CONFIG. */
export function checkFunctionConfig(config: FunctionConfig): CheckedFunctionConfig {
  const checked = {
    handler: 'handler',
    timeoutMs: 3_000,
    memoryMb: 128,
    reservedConcurrency: 10,
    environment: {},
    freeze: false,
    ...config,
  };
  if (typeof checked.name !== 'string' || !NAME.test(checked.name)) {
    throw bad('name', checked.name, 'Use 1 to 64 letters, digits, "-" and "_".');
  }
  if (typeof checked.file !== 'string' || checked.file === '') throw bad('file', checked.file, 'Give a module.');
  for (const [name, { least, most }] of Object.entries(RANGES)) {
    const value = checked[name as keyof typeof RANGES];
    const isIn = Number.isInteger(value) && value >= least && value <= most;
    if (!isIn) throw bad(name, value, `Give an integer from ${least} to ${most}.`);
  }
  return checked;
}

function bad(name: string, value: unknown, hint: string): MillraceError {
  return new MillraceError('INVALID_CONFIG', `the ${name} of a function cannot be ${String(value)}`, { value, hint });
}

/**
 * Assembles WebAssembly from folded text, so that the few inner loops that need it are read as text and no binary file is carried.
 *
 * The text is that of the specification, with shorthands: `$name` reads a local, a number is an `i32.const`, all locals are i32, and
 * integer instructions go without their `i32.`. Source: WebAssembly core specification 2.0, sections 5.4 (instructions), 5.5 (modules).
 */
import { MillraceError } from '../errors.ts';

/** A function of a module: all parameters and locals are i32, as is its result. */
export interface ModuleFunction {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly locals: readonly string[];
  /** Ends by `return`. */
  readonly text: string;
}

/** Instructions that take their operands and nothing else. */
const PLAIN: Readonly<Record<string, readonly number[]>> = {
  return: [0x0f],
  select: [0x1b],
  eq: [0x46],
  ne: [0x47],
  lt_u: [0x49],
  gt_u: [0x4b],
  ge_u: [0x4f],
  clz: [0x67],
  ctz: [0x68],
  add: [0x6a],
  sub: [0x6b],
  mul: [0x6c],
  and: [0x71],
  or: [0x72],
  xor: [0x73],
  shl: [0x74],
  shr_u: [0x76],
  load: [0x28, 0, 0],
  load8_u: [0x2d, 0, 0],
  load16_u: [0x2f, 0, 0],
  store: [0x36, 0, 0],
  store8: [0x3a, 0, 0],
  store16: [0x3b, 0, 0],
  'i64.load': [0x29, 0, 0],
  'i64.store': [0x37, 0, 0],
  'v128.load': [0xfd, 0, 0, 0],
  'v128.store': [0xfd, 11, 0, 0],
  'memory.fill': [0xfc, 11, 0],
};

const I32 = 0x7f;
const NO_RESULT = 0x40;

type Expression = string | readonly Expression[];

function refuse(text: string): MillraceError {
  return new MillraceError('INVALID_REQUEST', `The module's text is wrong at ${text}`, { value: text });
}

function parse(text: string): Expression[] {
  const stack: Expression[][] = [[]];
  for (const token of text.replaceAll(/;;.*/g, '').match(/[()]|[^\s()]+/g) ?? []) {
    if (token === '(') {
      stack.push([]);
    } else if (token === ')') {
      const closed = stack.pop()!;
      stack.at(-1)!.push(closed);
    } else {
      stack.at(-1)!.push(token);
    }
  }
  return stack[0]!;
}

function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  return value >= -0x40 && value < 0x40 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}

function assembleFunction({ parameters, locals, text }: ModuleFunction): number[] {
  const names = [...parameters, ...locals];
  const labels: string[] = [];

  const local = (name: string): number => {
    const index = names.indexOf(name);
    if (index < 0) throw refuse(name);
    return index;
  };
  const branch = (name: string): number => {
    const index = labels.lastIndexOf(name);
    if (index < 0) throw refuse(name);
    return labels.length - 1 - index;
  };
  const nested = (label: string, body: readonly Expression[]): number[] => {
    labels.push(label);
    const code = body.flatMap(emit);
    labels.pop();
    return [...code, 0x0b];
  };
  const emit = (expression: Expression): number[] => {
    if (typeof expression === 'string') {
      return expression.startsWith('$') ? [0x20, local(expression)] : [0x41, ...signed(Number(expression) | 0)];
    }
    const [name, ...rest] = expression as [string, ...Expression[]];
    const first = rest[0] as string;
    if (name === 'set') return [...rest.slice(1).flatMap(emit), 0x21, local(first)];
    if (name === 'block') return [0x02, NO_RESULT, ...nested(first, rest.slice(1))];
    if (name === 'loop') return [0x03, NO_RESULT, ...nested(first, rest.slice(1))];
    if (name === 'if') return [...emit(rest[0]!), 0x04, NO_RESULT, ...nested('', rest.slice(1))];
    if (name === 'br') return [0x0c, branch(first)];
    if (name === 'br_if') return [...emit(rest[1]!), 0x0d, branch(first)];
    const plain = PLAIN[name];
    if (plain === undefined) throw refuse(name);
    return [...rest.flatMap(emit), ...plain];
  };

  // The function never falls off its end: `unreachable` gives the type checker the result that it asks for.
  const body = [...(locals.length > 0 ? [1, locals.length, I32] : [0]), ...parse(text).flatMap(emit), 0x00, 0x0b];
  return [...unsigned(body.length), ...body];
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

function named(text: string): number[] {
  return [text.length, ...Buffer.from(text)];
}

/** The bytes of a module with these functions, all exported, over the memory imported as `m.m`. */
export function assembleModule(functions: readonly ModuleFunction[]): Uint8Array<ArrayBuffer> {
  const count = functions.length;
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [
      count,
      ...functions.flatMap(({ parameters }) => [0x60, parameters.length, ...parameters.map(() => I32), 1, I32]),
    ]),
    ...section(2, [1, ...named('m'), ...named('m'), 2, 0, 1]),
    ...section(3, [count, ...functions.map((_, index) => index)]),
    ...section(7, [count, ...functions.flatMap(({ name }, index) => [...named(name), 0, index])]),
    ...section(10, [count, ...functions.flatMap(assembleFunction)]),
  ]);
}

/** The rules for one value in an event pattern. */

import { badPattern } from './bad-pattern.ts';
import { parseNetwork } from './network.ts';
import { compileWildcard } from './wildcard.ts';

type Leaf = null | boolean | number | string;

/** A rule: whether there is a value at all, or whether a value is right. */
export type ValueRule =
  | { readonly kind: 'exists'; readonly exists: boolean }
  | { readonly kind: 'value'; readonly matches: (leaf: Leaf) => boolean };

type Path = readonly string[];
type TextTest = (text: string) => boolean;

const value = (matches: (leaf: Leaf) => boolean): ValueRule => ({ kind: 'value', matches });
const onText = (test: TextTest): ValueRule => value((leaf) => typeof leaf === 'string' && test(leaf));
const lower = (text: string) => text.toLowerCase();

/** Checks a rule. Throws INVALID_CONFIG. */
export function compileRule(rule: unknown, path: Path): ValueRule {
  if (isLeaf(rule)) return value((leaf) => leaf === rule);
  const entries = typeof rule === 'object' && rule !== null ? Object.entries(rule) : [];
  if (Array.isArray(rule) || entries.length !== 1) {
    throw badPattern(path, 'a rule is a value, or an object with one operator such as { "prefix": "a" }');
  }
  const [operator, operand] = entries[0]!;
  if (operator === 'exists') return compileExists(operand, path);
  if (operator === 'numeric') return value(compileNumeric(operand, path));
  if (operator === 'anything-but') return value(compileAnythingBut(operand, path));
  if (operator === 'cidr') return onText(compileCidr(operand, path));
  return onText(compileText(operator, operand, path));
}

function isLeaf(rule: unknown): rule is Leaf {
  return rule === null || typeof rule === 'string' || typeof rule === 'boolean' || typeof rule === 'number';
}

function compileExists(operand: unknown, path: Path): ValueRule {
  if (typeof operand !== 'boolean') throw badPattern(path, '"exists" is true or false');
  return { kind: 'exists', exists: operand };
}

function compileText(operator: string, operand: unknown, path: Path): TextTest {
  if (operator === 'equals-ignore-case') {
    const wanted = lower(textOf(operator, operand, path));
    return (text) => lower(text) === wanted;
  }
  if (operator === 'wildcard') return compileWildcard(textOf(operator, operand, path), path);
  if (operator !== 'prefix' && operator !== 'suffix') throw badPattern(path, `there is no operator "${operator}"`);
  const ignored = ignoringCase(operand);
  const wanted = ignored === undefined ? textOf(operator, operand, path) : lower(textOf(operator, ignored, path));
  const fold = ignored === undefined ? (text: string) => text : lower;
  return operator === 'prefix' ? (text) => fold(text).startsWith(wanted) : (text) => fold(text).endsWith(wanted);
}

/** What stands in `{ "equals-ignore-case": … }` and nothing else. */
function ignoringCase(operand: unknown): unknown {
  const entries = typeof operand === 'object' && operand !== null ? Object.entries(operand) : [];
  return entries.length === 1 && entries[0]![0] === 'equals-ignore-case' ? entries[0]![1] : undefined;
}

function textOf(operator: string, operand: unknown, path: Path): string {
  if (typeof operand !== 'string') throw badPattern(path, `"${operator}" takes a text`);
  return operand;
}

const COMPARISONS: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  '=': (left, right) => left === right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
};

function compileNumeric(operand: unknown, path: Path): (leaf: Leaf) => boolean {
  const parts: readonly unknown[] = Array.isArray(operand) ? operand : [];
  const isShape = parts.length === 2 || (parts.length === 4 && parts[0] !== '=' && parts[2] !== '=');
  if (!isShape) throw badPattern(path, '"numeric" takes an operator and a number, or two of each');
  const tests = Array.from({ length: parts.length / 2 }, (_, index) => {
    const [operator, bound] = [parts[index * 2], parts[index * 2 + 1]];
    const compare = COMPARISONS[String(operator)];
    if (compare === undefined || typeof bound !== 'number') {
      throw badPattern(path, `"numeric" cannot compare by ${String(operator)} ${String(bound)}`);
    }
    return (leaf: number) => compare(leaf, bound);
  });
  if (parts.length === 4 && String(parts[0])[0] === String(parts[2])[0]) {
    throw badPattern(path, 'a range has a lower and an upper end');
  }
  const [lower, upper] = String(parts[0])[0] === '>' ? [parts[1], parts[3]] : [parts[3], parts[1]];
  if (parts.length === 4 && (lower as number) >= (upper as number)) throw badPattern(path, 'the range is empty');
  return (leaf) => typeof leaf === 'number' && tests.every((test) => test(leaf));
}

function compileAnythingBut(operand: unknown, path: Path): (leaf: Leaf) => boolean {
  if (typeof operand === 'object' && operand !== null && !Array.isArray(operand)) {
    const entries = Object.entries(operand);
    if (entries.length !== 1) throw badPattern(path, '"anything-but" takes values, or one operator');
    const [operator, operands] = entries[0]!;
    const tests = listOf(operands, path).map((one) => compileText(operator, one, path));
    return (leaf) => typeof leaf !== 'string' || !tests.some((test) => test(leaf));
  }
  const excluded: readonly unknown[] = listOf(operand, path);
  const ofKind = (kind: 'string' | 'number') => excluded.every((one) => typeof one === kind);
  if (!ofKind('string') && !ofKind('number')) throw badPattern(path, '"anything-but" takes texts, or numbers');
  return (leaf) => !(excluded as readonly Leaf[]).includes(leaf);
}

function listOf(operand: unknown, path: Path): readonly unknown[] {
  const list = Array.isArray(operand) ? operand : [operand];
  if (list.length === 0) throw badPattern(path, 'an empty list says nothing');
  return list;
}

function compileCidr(operand: unknown, path: Path): TextTest {
  const contains = parseNetwork(textOf('cidr', operand, path));
  if (contains === null) throw badPattern(path, `${String(operand)} is no network such as 10.0.0.0/24`);
  return contains;
}

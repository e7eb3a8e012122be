/** Our event patterns against `software.amazon.event.ruler`, the rule engine that EventBridge and Lambda use: the same verdict for each pattern and document, and the same patterns refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern, type Json, matchesPattern } from '../../lib/event-source/filter/event-pattern.ts';
import { matchPatterns } from '../../tools/event-ruler/match-patterns.ts';

interface Case {
  readonly pattern: unknown;
  readonly event: Json;
}

function ours({ pattern, event }: Case): string {
  try {
    return String(matchesPattern(compilePattern(pattern), event));
  } catch {
    return 'invalid';
  }
}

/** What the two do not agree on. */
async function differences(cases: readonly Case[]): Promise<readonly unknown[]> {
  const verdicts = await matchPatterns(cases);
  expect(verdicts).toHaveLength(cases.length);
  return cases.flatMap((one, index) => {
    const [own, their] = [ours(one), verdicts[index]];
    return own === their ? [] : [{ ...one, ours: own, theirs: their }];
  });
}

const EVENTS: readonly Json[] = [
  {},
  { a: 'x' },
  { a: '' },
  { a: null },
  { a: 1, b: 'x' },
  { a: true },
  { a: [] },
  { a: {} },
  { a: ['x', 'y', 3] },
  { a: [['x'], ['y']] },
  { a: { b: 'x', c: 2 } },
  { a: { b: null } },
  {
    a: [
      { b: 'x', c: 1 },
      { b: 'y', c: 2 },
    ],
  },
  { a: [{ b: 'x' }, 'z'] },
  { a: 'us-east-1', b: 'photo.PNG' },
  { a: 'Ünïcode', b: '日本' },
  { a: 300, b: 3.5 },
  { a: -5, b: 1e3 },
  { a: '10.0.0.7', b: '2001:db8::1' },
  { a: 'a*b', b: 'a\\b' },
  { a: 'path/lib/x/lib/y.js' },
  { $or: 'x', a: 'y' },
];

const RULES: readonly unknown[] = [
  'x',
  '',
  null,
  1,
  300,
  1000,
  3.5,
  -5,
  true,
  false,
  'y',
  { prefix: 'us-' },
  { prefix: '' },
  { suffix: '.PNG' },
  { suffix: 'x' },
  { prefix: { 'equals-ignore-case': 'US-' } },
  { suffix: { 'equals-ignore-case': '.png' } },
  { 'equals-ignore-case': 'X' },
  { 'equals-ignore-case': 'ünïcode' },
  { exists: true },
  { exists: false },
  { numeric: ['=', 300] },
  { numeric: ['>', 0] },
  { numeric: ['>', 0, '<=', 3.5] },
  { numeric: ['<', 0] },
  { 'anything-but': 'x' },
  { 'anything-but': ['x', 'y'] },
  { 'anything-but': [1, 300] },
  { 'anything-but': 300 },
  { 'anything-but': { prefix: 'us-' } },
  { 'anything-but': { suffix: 'x' } },
  { 'anything-but': { 'equals-ignore-case': 'X' } },
  { 'anything-but': { 'equals-ignore-case': ['X', 'Y'] } },
  { 'anything-but': { wildcard: '*lib*' } },
  { 'anything-but': { prefix: ['u', 'x'] } },
  { wildcard: '*' },
  { wildcard: 'path/*/x*' },
  { wildcard: '*/lib/*.js' },
  { wildcard: 'a\\*b' },
  { wildcard: 'x' },
  { cidr: '10.0.0.0/24' },
  { cidr: '2001:db8::/32' },
  { cidr: '10.0.0.6/31' },
];

const INVALID: readonly unknown[] = [
  {},
  [],
  'x',
  null,
  3,
  { a: 'x' },
  { a: [] },
  { a: {} },
  { a: [[]] },
  { a: [{}] },
  { a: [{ prefix: 1 }] },
  { a: [{ suffix: null }] },
  { a: [{ prefix: 'x', suffix: 'y' }] },
  { a: [{ exists: 'yes' }] },
  { a: [{ exists: null }] },
  { a: [{ numeric: [] }] },
  { a: [{ numeric: ['='] }] },
  { a: [{ numeric: ['=', 'x'] }] },
  { a: [{ numeric: ['~', 1] }] },
  { a: [{ numeric: ['=', 1, '<', 5] }] },
  { a: [{ numeric: ['>', 1, '>', 5] }] },
  { a: [{ numeric: ['>', 5, '<', 1] }] },
  { a: [{ 'anything-but': [] }] },
  { a: [{ 'anything-but': true }] },
  { a: [{ 'anything-but': { exists: true } }] },
  { a: [{ 'anything-but': {} }] },
  { a: [{ 'anything-but': ['x', 1] }] },
  { a: [{ wildcard: 'a**b' }] },
  { a: [{ wildcard: 'a\\b' }] },
  { a: [{ wildcard: 3 }] },
  { a: [{ cidr: '10.0.0.0/33' }] },
  { a: [{ cidr: 'x' }] },
  { a: [{ unknown: 'x' }] },
  { $or: [] },
  { $or: [{ a: ['x'] }] },
  { $or: 'x' },
];

/**
 * Their engine keeps all rules of a field in one automaton, and 1.7.3 mixes some up: `[{ "anything-but": { "wildcard": "*lib*" } }, { "equals-ignore-case": "X" }]` matches "lib", and
 * `{ "$or": [{ "a": [false] }, { "a": [{ "exists": true }, false] }] }` does not match every `a`. So fields with several rules have simple ones here, and each alternative has a field of its own.
 */
const isSimple = (one: unknown) => typeof one !== 'object' || one === null || 'numeric' in one || 'exists' in one;
const anyRule = fc.constantFrom(...RULES).map((one) => [one]);
const simpleRules = fc.array(fc.constantFrom(...RULES.filter(isSimple)), { minLength: 1, maxLength: 3 });
const fieldsOf = (leaf: fc.Arbitrary<unknown[]>) =>
  fc.oneof(
    leaf.map((rules) => ({ a: rules })),
    fc.record({ a: leaf, b: leaf }),
    fc.record({ b: leaf, c: leaf }).map((inner) => ({ a: inner })),
    leaf.map((rules) => ({ a: { b: rules } })),
  );
const either = fc.tuple(
  simpleRules.map((rules) => ({ a: rules })),
  simpleRules.map((rules) => ({ b: rules })),
);
const pattern = fc.oneof(
  { weight: 2, arbitrary: fieldsOf(anyRule) },
  { weight: 2, arbitrary: fieldsOf(simpleRules) },
  { weight: 1, arbitrary: either.map((alternatives) => ({ $or: alternatives })) },
  { weight: 1, arbitrary: fc.tuple(simpleRules, either).map(([c, alternatives]) => ({ c, $or: alternatives })) },
);

describe('event patterns', () => {
  it('say the same of every rule and every document as the engine of EventBridge', { timeout: 300_000 }, async () => {
    const cases = RULES.flatMap((one) =>
      EVENTS.flatMap((event) => [
        { pattern: { a: [one] }, event },
        { pattern: { b: [one] }, event },
        { pattern: { a: { b: [one] } }, event },
      ]),
    );
    expect(await differences(cases)).toEqual([]);
  });

  it('say the same of random patterns', { timeout: 300_000 }, async () => {
    const one = fc.record({ pattern, event: fc.constantFrom(...EVENTS) });
    const cases = [...fc.sample(one, { numRuns: 4_000, seed: 3 }), ...fc.sample(one, 1_000)];
    expect(await differences(cases)).toEqual([]);
  });

  it('refuse the same', { timeout: 300_000 }, async () => {
    expect(await differences(INVALID.map((one) => ({ pattern: one, event: { a: 'x' } })))).toEqual([]);
  });
});

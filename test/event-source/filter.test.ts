import { describe, expect, it } from 'vitest';
import { compileFilters } from '../../lib/event-source/filter/filter.ts';
import type { ReceivedEvent } from '../../lib/event-source/received-event.ts';
import { eventAt } from './event-fixtures.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const record = eventAt(42, {
  partition: 3,
  keyBytes: bytes('ada'),
  valueBytes: bytes('{"status":"paid","total":120,"items":[{"sku":"a"},{"sku":"b"}]}'),
  headers: [
    { key: 'type', value: bytes('order') },
    { key: 'type', value: bytes('again') },
    { key: 'none', value: null },
    { key: 'count', value: bytes('7') },
  ],
});
const matches = (patterns: readonly unknown[], changes: Partial<ReceivedEvent> = {}) =>
  compileFilters(patterns)({ ...record, ...changes });

describe('filter criteria', () => {
  it.each([
    [[]],
    [[{ value: { status: ['paid'] } }]],
    [[{ value: { total: [{ numeric: ['>', 100, '<=', 120] }] } }]],
    [[{ value: { items: { sku: ['b'] } } }]],
    [[{ key: ['ada'] }]],
    [[{ key: [{ prefix: 'a' }] }]],
    [[{ headers: { type: ['order'] } }]],
    [[{ headers: { type: ['again'] } }]],
    [[{ headers: { none: [null] } }]],
    [[{ headers: { count: [7] } }]],
    [[{ headers: { count: ['7'] } }]],
    [[{ headers: { other: [{ exists: false }] } }]],
    [[{ topic: ['orders'], partition: [3], offset: [{ numeric: ['>=', 42] }] }]],
    [[{ timestamp: [{ numeric: ['>', 1_700_000_000_000] }] }]],
    [[{ value: [{ prefix: '{"status"' }] }]],
    [[{ key: ['bob'] }, { key: ['ada'] }]],
    [[{ $or: [{ key: ['bob'] }, { value: { status: ['paid'] } }] }]],
  ])('let a record through: %j', (patterns) => {
    expect(matches(patterns)).toBe(true);
  });

  it.each([
    [[{ value: { status: ['open'] } }]],
    [[{ value: { status: [{ exists: false }] } }]],
    [[{ key: ['ada'], partition: [4] }]],
    [[{ headers: { type: ['Order'] } }]],
    [[{ topic: [{ 'anything-but': 'orders' }] }]],
    [[{ $or: [{ key: ['bob'] }, { value: { status: ['open'] } }] }]],
  ])('keep it back: %j', (patterns) => {
    expect(matches(patterns)).toBe(false);
  });

  it('look into what is JSON, and into nothing else', () => {
    const patterns = [{ value: { status: ['paid'] } }];
    for (const text of ['no json', '"paid"', '7', '[]', ''])
      expect(matches(patterns, { valueBytes: bytes(text) })).toBe(false);
    expect(matches(patterns, { valueBytes: null })).toBe(false);
    expect(matches([{ key: { id: [1] } }], { keyBytes: bytes('{"id":1}') })).toBe(true);
  });

  it('know numbers, truth values and null that stand alone', () => {
    expect(matches([{ value: [7] }], { valueBytes: bytes('7') })).toBe(true);
    expect(matches([{ value: [{ numeric: ['<', 0] }] }], { valueBytes: bytes('-1.5') })).toBe(true);
    expect(matches([{ value: [true] }], { valueBytes: bytes('true') })).toBe(true);
    expect(matches([{ value: [null] }], { valueBytes: bytes('null') })).toBe(true);
    expect(matches([{ value: [null] }], { valueBytes: null })).toBe(true);
    expect(matches([{ value: ['7'] }], { valueBytes: bytes('7') })).toBe(true);
    expect(matches([{ key: [{ exists: true }] }], { keyBytes: null })).toBe(true);
  });

  it.each<[string, object]>([
    ['as a stream of Kinesis has it', { data: { total: [5] } }],
    ['as a queue has it, in an alternative', { $or: [{ key: ['a'] }, { body: { total: [5] } }] }],
    ['mistyped', { vlaue: [{ exists: false }] }],
  ])('refuse what no record has: %s', (_, pattern) => {
    expect(() => compileFilters([pattern])).toThrow(
      /^the filter at (data|body|vlaue) is no event pattern: a record has topic, partition, offset, timestamp, key, value, h/,
    );
    // Below a field anything may stand.
    expect(() => compileFilters([{ value: pattern }])).not.toThrow();
  });

  it('name the place of what does not parse', () => {
    expect(() => compileFilters([{ value: { a: { b: 'x' } } }])).toThrow('the filter at value.a.b');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aliases, allOf, anyOf } from '../../lib/aws/alias.ts';
import { marshal, marshalKey, unmarshal, unmarshalKey } from '../../lib/aws/marshal.ts';

const bytes = fc.uint8Array({ maxLength: 20 });
const attribute = fc.oneof(fc.bigInt(), fc.string(), bytes, fc.array(bytes, { maxLength: 4 }));
const name = fc.stringMatching(/^[a-z]{3,8}$/);

describe('an item', () => {
  it('comes back as it went, without its key', () => {
    fc.assert(
      fc.property(fc.dictionary(name, attribute), (item) => {
        const row = { ...marshalKey({ pk: 'P#1', sk: 'HEAD' }), ...marshal(item) };
        expect(unmarshal(row)).toEqual({ ...item });
        expect(unmarshalKey(row)).toEqual({ pk: 'P#1', sk: 'HEAD' });
      }),
    );
  });

  it.each([
    { BOOL: true },
    { NULL: true as const },
    { M: {} },
    { SS: ['a'] },
    { N: '1.5' },
    { N: '1e3' },
    { L: [{ S: 'a' }] },
  ])('with what Millrace never writes is damaged: %j', (value) => {
    expect(() => unmarshal({ a: value })).toThrow(expect.objectContaining({ code: 'CORRUPT_OBJECT' }));
  });

  it('without a key is damaged', () => {
    expect(() => unmarshalKey({ pk: { S: 'a' } })).toThrow(expect.objectContaining({ code: 'CORRUPT_OBJECT' }));
    expect(() => unmarshalKey({ pk: { S: 'a' }, sk: { N: '1' } })).toThrow(
      expect.objectContaining({ code: 'CORRUPT_OBJECT' }),
    );
  });
});

describe('aliases', () => {
  it('explain each name that the expressions use, once', () => {
    expect(aliases('SET #next = #next + :n REMOVE #tail[1], #tail[0]', '#end <= :e AND size(#tail) > :c')).toEqual({
      '#next': 'next',
      '#tail': 'tail',
      '#end': 'end',
    });
    expect(aliases()).toEqual({});
  });
});

describe('clauses', () => {
  it('keep their meaning when they are joined', () => {
    expect(anyOf('attribute_not_exists(#pk)', allOf('#a = :a', '#b = :b'))).toBe(
      '(attribute_not_exists(#pk)) OR ((#a = :a) AND (#b = :b))',
    );
  });
});

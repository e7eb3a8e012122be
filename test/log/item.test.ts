import { describe, expect, it } from 'vitest';
import { binary, binaryList, integer, text } from '../../lib/log/item.ts';

const item = { n: 5n, t: 'x', b: Uint8Array.of(1), l: [Uint8Array.of(2)] };

describe('an attribute', () => {
  it('is read as what it is', () => {
    expect(integer(item, 'n')).toBe(5n);
    expect(text(item, 't')).toBe('x');
    expect(binary(item, 'b')).toEqual(Uint8Array.of(1));
    expect(binaryList(item, 'l')).toEqual([Uint8Array.of(2)]);
  });

  it.each([
    ['integer', integer, ['t', 'b', 'l', 'none']],
    ['text', text, ['n', 'b', 'l', 'none']],
    ['binary', binary, ['n', 't', 'l', 'none']],
    ['list', binaryList, ['n', 't', 'b', 'none']],
  ] as const)('is damaged when it is absent or no %s, and the error names it', (_, read, others) => {
    for (const name of others) {
      expect(() => read(item, name)).toThrow(
        expect.objectContaining({
          code: 'CORRUPT_OBJECT',
          message: expect.stringContaining(`attribute ${name}`),
          value: (item as Record<string, unknown>)[name],
        }),
      );
    }
  });
});

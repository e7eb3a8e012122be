import { describe, expect, it } from 'vitest';
import { compileTopicPattern } from '../../../lib/gateway/groups/topic-pattern.ts';

const refused = expect.objectContaining({ code: 'INVALID_REGULAR_EXPRESSION' });

describe('a pattern of topics', () => {
  it.each([
    ['orders', 'orders', true],
    ['orders', 'orders-eu', false],
    ['orders', 'my-orders', false],
    ['orders-.*', 'orders-eu', true],
    ['(?i)ORDERS', 'orders', true],
    ['[[:alpha:]]+\\d{2,4}', 'week42', true],
    ['a|b', 'ab', false],
    ['', 'orders', false],
  ])('%s means whole names: %s', (pattern, name, isMeant) => {
    expect(compileTopicPattern(pattern)(name)).toBe(isMeant);
  });

  it.each(['(', 'a**', '[z-a]', 'a(?=b)', '(a)\\1', 'a{1001}', '\\'])('is not %s', (pattern) => {
    expect(() => compileTopicPattern(pattern)).toThrow(refused);
  });

  it.each([
    ['many characters', 'x'.repeat(1_001)],
    ['a repetition that is long when it is written out', `(${'x'.repeat(900)}){1000}`],
    ['many repetitions, one after another', 'a{1000}'.repeat(140)],
    ['many steps', '(a?b?c?d?e?){250}'],
  ])('is refused for %s, before it costs anything', (_, pattern) => {
    expect(() => compileTopicPattern(pattern)).toThrow(refused);
  });

  // A matcher that tries one way after another would need 2 to the 240th attempts.
  it('is matched in linear time', () => {
    expect(compileTopicPattern('(a+)+b')('a'.repeat(240))).toBe(false);
    expect(compileTopicPattern('(a|aa)*(a|aa)*(a|aa)*c')('a'.repeat(240))).toBe(false);
  });

  it('says in the words of Kafka what is wrong', () => {
    expect(() => compileTopicPattern('(')).toThrow(
      'SubscribedTopicRegex `(` is not a valid regular expression: missing closing ): `(`.',
    );
  });
});

import { describe, expect, it } from 'vitest';
import { parseTopicName } from '../../lib/log/topic-name.ts';

describe('parseTopicName', () => {
  it.each(['a', 'orders', 'Orders_2.eu-west', '...', '-', '0', 'x'.repeat(249)])('takes %s', (name) => {
    expect(parseTopicName(name)).toBe(name);
  });

  it.each(['', '.', '..', 'x'.repeat(250), 'a b', 'a/b', 'ä', 'a\n', '\u0000', 'a#b'])('refuses %j', (name) => {
    expect(() => parseTopicName(name)).toThrow(
      expect.objectContaining({ code: 'INVALID_TOPIC_EXCEPTION', value: name, hint: expect.stringContaining('249') }),
    );
  });

  it.each([undefined, null, 5, {}])('refuses %j, which is no text', (name) => {
    expect(() => parseTopicName(name as unknown as string)).toThrow(
      expect.objectContaining({ code: 'INVALID_TOPIC_EXCEPTION' }),
    );
  });

  it('shows only the beginning of a long name', () => {
    const error = (() => {
      try {
        return parseTopicName(' '.repeat(200));
      } catch (caught) {
        return String(caught);
      }
    })();
    expect(error.length).toBeLessThan(200);
  });
});

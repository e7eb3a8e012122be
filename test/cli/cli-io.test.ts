import { expect, it } from 'vitest';
import { toJson } from '../../lib/cli/cli-io.ts';

it('writes offsets as numbers while they are exact, else as text', () => {
  const max = BigInt(Number.MAX_SAFE_INTEGER);
  const offsets = { small: 1n, exact: max, above: max + 1n, below: -max - 1n, largest: 2n ** 63n - 1n };
  expect(JSON.parse(toJson(offsets))).toEqual({
    small: 1,
    exact: Number.MAX_SAFE_INTEGER,
    above: '9007199254740992',
    below: '-9007199254740992',
    largest: '9223372036854775807',
  });
  expect(toJson([offsets])).not.toContain('\n');
});

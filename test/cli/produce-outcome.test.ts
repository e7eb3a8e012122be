import { describe, expect, it } from 'vitest';
import { ProduceOutcome } from '../../lib/cli/produce-outcome.ts';
import { MillraceError } from '../../lib/errors.ts';

const sentTo = (partition: number, offset: bigint) => ({ topic: 'a', partition, offset, timestampMs: 0n });

function outcomeOf(lines: number): ProduceOutcome {
  const outcome = new ProduceOutcome('a');
  for (let line = 1; line <= lines; line++) outcome.readLine();
  return outcome;
}

describe('the outcome of produce', () => {
  it('blames what the first line met, although those behind it were told earlier', () => {
    const outcome = outcomeOf(4);
    outcome.sent(sentTo(0, 0n));
    outcome.failed(4, new MillraceError('NOT_COMMITTED', 'queued behind'));
    outcome.failed(2, new MillraceError('STORE_FULL', 'the disk is full'));
    outcome.failed(3, new MillraceError('NOT_COMMITTED', 'queued behind'));
    expect(outcome.failure).toMatchObject({ code: 'STORE_FULL' });
    expect(outcome.fields).toMatchObject({ records: 1, line: 2, failed: 3 });
    expect(outcome.text).toBe(
      'Line 2 and 2 lines behind it could not be sent; 1 record was sent. Nothing from there on was: tail -n +2 is what is left.',
    );
  });

  it('does not say how to go on when lines behind the failure were sent to other partitions', () => {
    const outcome = outcomeOf(3);
    outcome.sent(sentTo(0, 5n));
    outcome.failed(2, new MillraceError('NOT_COMMITTED', 'given up'));
    outcome.sent(sentTo(1, 7n));
    expect(outcome.text).toBe('Line 2 could not be sent; 2 records were sent.');
    expect(outcome.fields).toEqual({
      topic: 'a',
      records: 2,
      line: 2,
      failed: 1,
      partitions: [
        { partition: 0, first: 5n, last: 5n },
        { partition: 1, first: 7n, last: 7n },
      ],
    });
  });
});

import { describe, expect, it } from 'vitest';
import { AppendPart } from '../../lib/log/append-part.ts';
import { summarizeBatches } from '../../lib/log/batch-summary.ts';
import { commitArgs, planGroup, type ReadyPart } from '../../lib/log/group-plan.ts';
import { batchOf, idAt, TOPIC_ID } from './log-stage.ts';

const limits = { maxEntries: 3, maxBytes: 1_000, tailEntriesCap: 90, tailBytesCap: 2_000 };

function part(number: number | null, options: { expectedOffset?: bigint; valueBytes?: number } = {}): AppendPart {
  const target = { partition: { topicId: TOPIC_ID, partition: 0 }, domain: 'shared', inlineMaxBytes: 1_024 };
  const made = new AppendPart(target, options.expectedOffset ?? null, 0);
  const batches = batchOf(['x'.repeat(options.valueBytes ?? 1), 'y']);
  made.add({ target, batches }, summarizeBatches(batches)).catch(() => {});
  if (number === null) made.uploading();
  else made.inlined(idAt(number));
  return made;
}

const planned = (queue: readonly AppendPart[]) => planGroup(queue, limits).map((ready) => queue.indexOf(ready.part));

describe('a group', () => {
  it('is the longest run of ready parts from the front', () => {
    expect(planned([part(1), part(2), part(null), part(4)])).toEqual([0, 1]);
    expect(planned([part(null), part(2)])).toEqual([]);
    expect(planned([])).toEqual([]);
  });

  it('leaves out nothing in the middle, so a failed part ends it', () => {
    const failed = part(null);
    failed.uploadFailed(new RangeError() as never);
    expect(planned([part(1), failed, part(3)])).toEqual([0]);
  });

  it('has a bounded number of entries and of bytes, but always its first', () => {
    expect(planned([part(1), part(2), part(3), part(4)])).toEqual([0, 1, 2]);
    const big = () => part(5, { valueBytes: 600 });
    expect(planned([big(), big()])).toEqual([0]);
    expect(planned([part(1), big(), big()])).toEqual([0, 1]);
    expect(planned([part(1, { valueBytes: 1_000 }), part(2)])).toEqual([0]);
  });

  it('holds a part with an expected offset alone', () => {
    const strict = () => part(3, { expectedOffset: 7n });
    expect(planned([strict(), part(1)])).toEqual([0]);
    expect(planned([part(1), strict()])).toEqual([0]);
    expect(planned([strict(), strict()])).toEqual([0]);
  });
});

describe('the arguments of a group', () => {
  const ready = (each: AppendPart): ReadyPart => {
    if (each.state.kind !== 'ready') expect.fail('not ready');
    return { part: each, id: each.state.id, entry: each.state.entry };
  };

  it('add up, ask for the smallest id and keep the order', () => {
    const parts = [part(9), part(4), part(6)];
    const args = commitArgs(parts.map(ready), 12n, limits);
    const { checksum } = summarizeBatches(batchOf(['x', 'y']));
    expect(args).toMatchObject({ form: 'plain', known: 12n, recordCount: 6, minId: idAt(4), checksum: 3n * checksum });
    expect(args.entries).toEqual(parts.map((each) => ready(each).entry));
    expect(args.batchBytes).toBe(3 * parts[0]!.byteCount);
  });

  it('are strict for a part with an expected offset, zero too', () => {
    const strict = part(1, { expectedOffset: 0n });
    expect(commitArgs([ready(strict)], 0n, limits).form).toBe('strict');
  });
});

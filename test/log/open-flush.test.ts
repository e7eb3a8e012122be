import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../lib/errors.ts';
import type { AppendRequest } from '../../lib/log/append-part.ts';
import { OpenFlush } from '../../lib/log/open-flush.ts';

const MIB = 1024 * 1024;

function request(partition: number, bytes = 100, expectedOffset?: bigint): AppendRequest {
  const target = { partition: { topicId: 'id', partition }, domain: 'shared', inlineMaxBytes: 0 };
  return { target, batches: new Uint8Array(bytes), ...(expectedOffset === undefined ? {} : { expectedOffset }) };
}

describe('an open flush', () => {
  it('takes no more than one segment holds', () => {
    // A flush was closed only once it had reached its size, and the batch that brought it there could be of 64 MiB: with large segments it then held more than any
    // segment may, and all of it was refused.
    const flush = new OpenFlush();
    flush.partFor(request(0), 0, 1000);
    flush.byteCount = 200 * MIB;
    expect(flush.takes(request(1, 40 * MIB), 1)).toBe(true);
    expect(flush.takes(request(1, 60 * MIB), 1)).toBe(false);
  });

  it('has one part for each partition, but a part with an expected offset rides alone', () => {
    const flush = new OpenFlush();
    const part = flush.partFor(request(0), 0, 1000);
    expect(flush.takes(request(0), 1)).toBe(true);
    expect(flush.partFor(request(0), 5, 1000)).toBe(part);
    expect(flush.takes(request(0, 100, 7n), 1)).toBe(false);
    expect(flush.takes(request(1, 100, 7n), 1)).toBe(true);
    flush.partFor(request(1, 100, 7n), 5, 1000);
    expect(flush.takes(request(1), 1)).toBe(false);
    expect(flush.parts).toHaveLength(2);
  });

  it('takes no more records of a partition than an entry can tell, over all its parts', () => {
    const flush = new OpenFlush();
    flush.partFor(request(0), 0, 1000);
    flush.added(request(0), 2 ** 31);
    flush.partFor({ ...request(0), isSequenced: true }, 0, 1000);
    flush.added(request(0), 2 ** 31 - 1);
    expect(flush.takes(request(0), 1)).toBe(false);
    expect(flush.takes(request(1), 1)).toBe(true);
    flush.fail({ topicId: 'id', partition: 0 }, new MillraceError('NOT_COMMITTED', 'no'));
    expect(flush.takes(request(0), 1)).toBe(true);
  });

  it('forgets what is failed', () => {
    const flush = new OpenFlush();
    const part = flush.partFor(request(0), 0, 1000);
    flush.fail({ topicId: 'id', partition: 0 }, new MillraceError('NOT_COMMITTED', 'no'));
    expect(part.settled).toBe(true);
    expect(flush.empty).toBe(true);
  });
});

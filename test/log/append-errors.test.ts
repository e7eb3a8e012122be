import { expect, it } from 'vitest';
import { commitUnknown, queuedBehind } from '../../lib/log/append-errors.ts';
import { partitionGone } from '../../lib/log/partition-gone.ts';

const partition = { topicId: '6f1c2f0e-5d0b-4f58-9a53-3ef0d3f3c1aa', partition: 0 };

it('tells what was queued behind something given up that it is not in the log', () => {
  const cause = commitUnknown(partition, null);
  expect(queuedBehind(partition, cause)).toMatchObject({ code: 'NOT_COMMITTED', cause });
});

// Seed 1100762 of everything together: one commit of two batches had landed, unanswered, in a topic that was deleted then; the second was told NOT_COMMITTED.
it('claims nothing of a partition that is gone: what is queued there hears the same', () => {
  const gone = partitionGone(partition);
  expect(queuedBehind(partition, gone)).toBe(gone);
});

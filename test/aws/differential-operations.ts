/** All operations of the differential test, and all clauses that they must meet. */
import fc from 'fast-check';
import { putChunk, queryChunks, removeChunk, replaceChunk } from './differential-chunks.ts';
import {
  beat,
  claim,
  commitOffset,
  createGroup,
  listOffsets,
  lookAtGroup,
  putHeartbeat,
  removeGroup,
  removeHeartbeat,
  removeOffset,
  updateGroup,
} from './differential-groups.ts';
import { advanceStart, commit, raiseFloor, readHeads, removeHead, trimTail } from './differential-heads.ts';
import { readJob, takeJob, updateJob } from './differential-jobs.ts';
import {
  createSubscription,
  listSubscriptions,
  ringBell,
  seekLease,
  takeLease,
  updateLease,
  updateSubscription,
} from './differential-leases.ts';
import { removeLimits, replaceSlots, reserveRecords } from './differential-limits.ts';
import type { Draw } from './differential-model.ts';
import {
  createHeads,
  createTopic,
  listTopics,
  raiseGlobalFloor,
  removeTopic,
  updateTopic,
} from './differential-topics.ts';

/** Any operation, those with more clauses more often. */
export const anyOperation: fc.Arbitrary<Draw> = fc.oneof(
  { weight: 18, arbitrary: commit },
  { weight: 5, arbitrary: trimTail },
  { weight: 2, arbitrary: raiseFloor },
  { weight: 6, arbitrary: advanceStart },
  { weight: 1, arbitrary: removeHead },
  { weight: 1, arbitrary: readHeads },
  { weight: 2, arbitrary: putChunk },
  { weight: 4, arbitrary: replaceChunk },
  { weight: 4, arbitrary: removeChunk },
  { weight: 1, arbitrary: queryChunks },
  { weight: 4, arbitrary: createTopic },
  { weight: 5, arbitrary: updateTopic },
  { weight: 4, arbitrary: removeTopic },
  { weight: 7, arbitrary: createHeads },
  { weight: 5, arbitrary: raiseGlobalFloor },
  { weight: 1, arbitrary: listTopics },
  { weight: 2, arbitrary: createGroup },
  { weight: 5, arbitrary: updateGroup },
  { weight: 5, arbitrary: removeGroup },
  { weight: 1, arbitrary: lookAtGroup },
  { weight: 1, arbitrary: putHeartbeat },
  { weight: 3, arbitrary: beat },
  { weight: 1, arbitrary: removeHeartbeat },
  { weight: 4, arbitrary: claim },
  { weight: 6, arbitrary: commitOffset },
  { weight: 1, arbitrary: listOffsets },
  { weight: 1, arbitrary: removeOffset },
  { weight: 5, arbitrary: takeLease },
  { weight: 7, arbitrary: updateLease },
  { weight: 2, arbitrary: seekLease },
  { weight: 4, arbitrary: createSubscription },
  { weight: 5, arbitrary: updateSubscription },
  { weight: 1, arbitrary: listSubscriptions },
  { weight: 1, arbitrary: ringBell },
  { weight: 5, arbitrary: takeJob },
  { weight: 6, arbitrary: updateJob },
  { weight: 1, arbitrary: readJob },
  { weight: 4, arbitrary: replaceSlots },
  { weight: 3, arbitrary: reserveRecords },
  { weight: 1, arbitrary: removeLimits },
);

/** Each clause of each condition. */
export const ALL_CLAUSES: readonly string[] = [
  ...['head exists', 'id above floor', 'tail has room', 'tail has bytes'].flatMap((clause) => [
    `commit plain: ${clause}`,
    `commit strict: ${clause}`,
  ]),
  'commit plain: tail shows earlier attempt',
  'commit plain: not in tail',
  'commit strict: exactly at known',
  ...['head exists', 'tail begins at base', 'tail has entries'].map((clause) => `trimTail: ${clause}`),
  ...['head exists', 'floor rises'].map((clause) => `raiseFloor: ${clause}`),
  ...['head exists', 'start rises', 'start within log', 'floor not above'].map((clause) => `advanceStart: ${clause}`),
  'put chunk: no chunk',
  ...['chunk exists', 'same version', 'same end'].map((clause) => `replace chunk: ${clause}`),
  ...['ends below', 'ids under floor'].map((clause) => `remove chunk: ${clause}`),
  ...['no topic', 'id not spent'].map((clause) => `create topic: ${clause}`),
  ...['topic exists', 'same topic', 'same version'].map((clause) => `update topic: ${clause}`),
  ...['same topic', 'being deleted'].map((clause) => `remove topic: ${clause}`),
  ...['topic exists', 'same topic', 'not being deleted', 'same floor', 'no head'].map(
    (clause) => `createHeads: ${clause}`,
  ),
  'raiseGlobalFloor: floor rises',
  'create group: no group',
  ...['group exists', 'same group', 'same version'].map((clause) => `update group: ${clause}`),
  ...['same group', 'being deleted'].map((clause) => `remove group: ${clause}`),
  ...['heartbeat exists', 'count rises'].map((clause) => `beat: ${clause}`),
  'claim: generation rises',
  ...['offset exists', 'same generation', 'sequence rises'].map((clause) => `commit offset: ${clause}`),
  ...['none was seen', 'same epoch', 'free or expired'].map((clause) => `take lease: ${clause}`),
  ...['lease exists', 'same epoch', 'sequence rises', 'not back'].map((clause) => `update lease: ${clause}`),
  'seek lease: same epoch',
  'create subscription: no subscription',
  ...['subscription exists', 'same version'].map((clause) => `update subscription: ${clause}`),
  ...['none was seen', 'same epoch', 'free or expired'].map((clause) => `take job: ${clause}`),
  ...['job exists', 'same epoch', 'sequence rises'].map((clause) => `update job: ${clause}`),
  ...['none was seen', 'same change'].map((clause) => `replace slots: ${clause}`),
];

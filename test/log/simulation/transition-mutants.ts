/** Clauses of the conditions of heads and chunks taken away, and their boundaries moved by one. */
import type { Mutant } from '../../simulate/mutant.ts';

const TRANSITIONS = 'lib/log/head-transitions.ts';
const CHUNKS = 'lib/log/chunk-transitions.ts';

export const transitionMutants: readonly Mutant[] = [
  {
    name: 'commit without the floor condition',
    file: TRANSITIONS,
    from: 'return aboveFloor && hasRoom;',
    to: 'return hasRoom;',
  },
  {
    name: 'commit without the cap of the tail',
    file: TRANSITIONS,
    from: 'return aboveFloor && hasRoom;',
    to: 'return aboveFloor;',
  },
  {
    name: 'plain commit without tailBase <= known',
    file: TRANSITIONS,
    from: 'const tailShowsEarlierAttempt = head.tailBase <= args.known;',
    to: 'const tailShowsEarlierAttempt = true;',
  },
  {
    name: 'plain commit without NOT contains(tail, e1)',
    file: TRANSITIONS,
    from: '!head.tail.some((entry) => sameEntry(entry, first))',
    to: 'first !== undefined',
  },
  {
    name: 'strict commit at known or above',
    file: TRANSITIONS,
    from: 'return head.next === args.known;',
    to: 'return head.next >= args.known;',
  },
  {
    name: 'trim of another tail (tailBase = b dropped)',
    file: TRANSITIONS,
    from: 'if (head?.tailBase !== args.base || head.tail.length < args.count)',
    to: 'if (!head || head.tail.length < args.count)',
  },
  {
    name: 'floor may fall',
    file: TRANSITIONS,
    from: 'if (!head || head.floor >= floor)',
    to: 'if (!head)',
  },
  {
    name: 'an id at the floor counts as above it',
    file: TRANSITIONS,
    from: 'const aboveFloor = head.floor < args.minId;',
    to: 'const aboveFloor = head.floor <= args.minId;',
  },
  {
    name: 'one entry more than the cap of the tail',
    file: TRANSITIONS,
    from: 'head.tail.length < args.tailEntriesCap',
    to: 'head.tail.length <= args.tailEntriesCap',
  },
  {
    name: 'a tail as large as its cap of bytes takes one more',
    file: TRANSITIONS,
    from: 'head.tailBytes < args.tailBytesCap',
    to: 'head.tailBytes <= args.tailBytesCap',
    test: 'test/log/head-transitions.test.ts',
  },
  {
    name: 'a tail that begins at known shows nothing',
    file: TRANSITIONS,
    from: 'const tailShowsEarlierAttempt = head.tailBase <= args.known;',
    to: 'const tailShowsEarlierAttempt = head.tailBase < args.known;',
  },
  {
    name: 'a trim of more entries than the tail has',
    file: TRANSITIONS,
    from: 'head.tail.length < args.count) return',
    to: 'head.tail.length < args.count - 1) return',
    test: 'test/log/head-transitions.test.ts',
  },
  {
    name: 'the log start offset rises above the high watermark',
    file: TRANSITIONS,
    from: 'args.start <= head.next &&',
    to: 'args.start <= head.next + 1n &&',
    test: 'test/log/head-transitions.test.ts',
  },
  {
    name: 'the log start offset rises and the floor falls',
    file: TRANSITIONS,
    from: ' && head.floor <= args.floor;',
    to: ';',
  },
  {
    name: 'a chunk is written over another',
    file: CHUNKS,
    from: "return existing ? { outcome: 'refused', item: existing } : { outcome: 'done', item: chunk };",
    to: "return { outcome: 'done', item: chunk };",
  },
  {
    name: 'a chunk is replaced whatever became of it since it was read',
    file: CHUNKS,
    from: 'if (chunk?.version !== args.version || chunk.end !== args.end)',
    to: 'if (chunk === undefined)',
    test: 'test/log/chunk-transitions.test.ts',
  },
  {
    name: 'a chunk is removed whatever it reaches to',
    file: CHUNKS,
    from: 'return chunk.end <= args.endAtMost && chunk.maxId',
    to: 'return chunk.maxId',
    test: 'test/log/chunk-transitions.test.ts',
  },
  {
    name: 'a chunk is removed whose ids the floor has not passed',
    file: CHUNKS,
    from: ' && chunk.maxId <= args.maxIdAtMost;',
    to: ';',
    test: 'test/log/chunk-transitions.test.ts',
  },
];

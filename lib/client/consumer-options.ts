import { MillraceError } from '../errors.ts';
import {
  type CheckedMembershipOptions,
  checkMembershipOptions,
  type MembershipOptions,
} from '../group/membership-options.ts';
import { checkOptions, type OptionSchema } from '../log/check-options.ts';
import { READER_SCHEMA, type ReaderOptions, readerDefaults, type TypedReaderOptions } from './reader-options.ts';
import type { RawBytes } from './received-record.ts';
import type { TopicPartition } from './record-stream.ts';

/** Told when partitions come and go; the group waits until a promise that it returns is settled. What it throws ends the loop with that error. */
export type RebalanceListener = (partitions: readonly TopicPartition[]) => void | Promise<void>;

/** How a consumer reads, takes part in its group, and commits. Names follow Kafka's. */
export interface ConsumerOptions<K = RawBytes, V = RawBytes> extends TypedReaderOptions<K, V>, MembershipOptions {
  /** Commits what was processed every `autoCommitIntervalMs`, before a partition goes, and when it closes. Processed is what the loop was given and then asked for the next. Default false: `commit` does it. */
  readonly autoCommit?: boolean;
  /** Default 5,000. */
  readonly autoCommitIntervalMs?: number;
  /** A loop that does not ask for the next record or batch for this long is taken to hang: the consumer leaves the group, and joins again when it asks. Default 300,000. */
  readonly maxPollIntervalMs?: number;
  /** Partitions have come; nothing of them has been given out yet, so `seek` is in time here. */
  readonly onPartitionsAssigned?: RebalanceListener;
  /** Partitions are about to go, and nothing of them is being worked on: `commit` is in time here. */
  readonly onPartitionsRevoked?: RebalanceListener;
  /** Partitions are gone: others may have them already, and nothing of them can be committed. */
  readonly onPartitionsLost?: (partitions: readonly TopicPartition[], reason: MillraceError) => void | Promise<void>;
  /** A commit that nobody waits for has failed: one of `autoCommit` or of `commitAsync`. Default: nobody is told; the records come again. */
  readonly onCommitFailed?: (error: MillraceError) => void;
}

/** Options with their defaults. */
export interface CheckedConsumerOptions {
  readonly reader: Required<ReaderOptions>;
  readonly membership: CheckedMembershipOptions;
  readonly autoCommit: boolean;
  readonly autoCommitIntervalMs: number;
  readonly maxPollIntervalMs: number;
  readonly listeners: Pick<
    ConsumerOptions,
    'onPartitionsAssigned' | 'onPartitionsRevoked' | 'onPartitionsLost' | 'onCommitFailed'
  >;
}

const MAX_MS = 2 ** 31 - 1;
const elsewhere = { checkedElsewhere: true } as const;
const callback = { function: true } as const;

const SCHEMA: OptionSchema<ConsumerOptions> = {
  ...READER_SCHEMA,
  group: elsewhere,
  clientId: elsewhere,
  groupInstanceId: elsewhere,
  assignors: elsewhere,
  sessionTimeoutMs: elsewhere,
  heartbeatIntervalMs: elsewhere,
  metadataMaxAgeMs: elsewhere,
  autoOffsetReset: elsewhere,
  autoCommit: { oneOf: [true, false] },
  autoCommitIntervalMs: { integerFrom: 1, to: MAX_MS },
  maxPollIntervalMs: { integerFrom: 1, to: MAX_MS },
  onPartitionsAssigned: callback,
  onPartitionsRevoked: callback,
  onPartitionsLost: callback,
  onCommitFailed: callback,
};

/** Throws INVALID_CONFIG for an unknown option, naming the nearest, and for a bad value; INVALID_GROUP_ID, INVALID_SESSION_TIMEOUT. */
export function checkConsumerOptions<K, V>(options: ConsumerOptions<K, V>): CheckedConsumerOptions {
  const checked = checkOptions('consumer', options as ConsumerOptions, SCHEMA);
  const { onPartitionsAssigned, onPartitionsRevoked, onPartitionsLost, onCommitFailed } = checked;
  return {
    reader: readerDefaults(checked),
    membership: checkMembershipOptions(checked),
    autoCommit: checked.autoCommit ?? false,
    autoCommitIntervalMs: checked.autoCommitIntervalMs ?? 5_000,
    maxPollIntervalMs: checked.maxPollIntervalMs ?? 300_000,
    listeners: {
      ...(onPartitionsAssigned && { onPartitionsAssigned }),
      ...(onPartitionsRevoked && { onPartitionsRevoked }),
      ...(onPartitionsLost && { onPartitionsLost }),
      ...(onCommitFailed && { onCommitFailed }),
    },
  };
}

/** A loop has not asked for the next record for too long. */
export function pollTooLate(group: string, maxPollIntervalMs: number): MillraceError {
  return new MillraceError(
    'UNKNOWN_MEMBER_ID',
    `the loop of a consumer of group ${group} did not ask for the next record for ${maxPollIntervalMs} ms, so it has left the group`,
    {
      value: group,
      hint: 'Handle records faster, raise maxPollIntervalMs, or take smaller batches. It joins again when the loop asks.',
    },
  );
}

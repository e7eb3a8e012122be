import type { Clock, Random } from '../clock.ts';
import type { DelayWriter } from '../delay/delay-writer.ts';
import type { Appender } from '../log/appender.ts';
import type { TopicDirectory } from '../log/topic-directory.ts';

/** What a producer needs of an appender. */
export type BatchAppender = Pick<Appender, 'append' | 'flush' | 'close'>;

/** What a producer is made of. */
export interface ProducerDeps {
  readonly appender: BatchAppender;
  /** Stores delayed records; null: records cannot be delayed. */
  readonly delays: DelayWriter | null;
  /** How long it is tried to store one that is sent now. Default: the option `deliveryTimeoutMs`. */
  readonly delayTimeoutMs?: (() => number) | undefined;
  readonly topics: TopicDirectory;
  readonly clock: Clock;
  readonly random: Random;
  /** Called when it is closed: nobody needs to close it any more. */
  readonly onClosed?: () => void;
}

/** The port to topics and to the global floor that new heads need. */
import type { SegmentId } from '../segment/segment-id.ts';
import type { Change } from './head-transitions.ts';
import type { Topic } from './topic.ts';
import type { CreateHeadsArgs, CreateHeadsOutcome } from './topic-transitions.ts';

/** Each change carries out the transition of the same name in `topic-transitions.ts`. All reads are consistent. Errors are as for `Heads`. */
export interface Topics {
  get(name: string): Promise<Topic | null>;
  /** Names in the order of their bytes, above `after`, at most `limit` (1,000). */
  list(after: string | null, limit: number): Promise<readonly string[]>;
  /** Refused without an item: its id was the id of a topic that was removed. */
  create(topic: Topic): Promise<Change<Topic>>;
  /** Replaces the topic IF its version is `topic.version`; what is stored has one more. */
  update(topic: Topic): Promise<Change<Topic>>;
  /** Removes a topic that is being deleted, and spends its id: true when it is gone afterwards. */
  remove(name: string, topicId: string): Promise<boolean>;
  /** Makes all of these heads or none, in one transaction with checks of the topic and of the global floor. */
  createHeads(args: CreateHeadsArgs): Promise<CreateHeadsOutcome>;
  readGlobalFloor(): Promise<SegmentId>;
  raiseGlobalFloor(floor: SegmentId): Promise<Change<SegmentId>>;
}

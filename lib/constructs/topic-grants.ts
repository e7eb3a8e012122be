import type * as iam from 'aws-cdk-lib/aws-iam';
import { grantAll } from './access.ts';
import {
  delayAccess,
  groupAccess,
  type LogPlace,
  manageTopicAccess,
  produceAccess,
  readAccess,
  type TopicKeys,
} from './log-access.ts';

/** Permissions on one topic. docs/permissions.md says what each can see and harm. */
export class TopicGrants {
  readonly #place: LogPlace;
  readonly #topic: TopicKeys;

  constructor(place: LogPlace, topic: TopicKeys) {
    this.#place = place;
    this.#topic = topic;
  }

  /** Appends records. It reads no segments, and touches neither other topics nor groups; it sees the heads of the topic, and small records that stand in them. */
  produce(grantee: iam.IGrantable): iam.Grant {
    return grantAll(grantee, produceAccess(this.#place, this.#topic));
  }

  /** Appends records, and sends some that become visible later (`delay`). */
  produceDelayed(grantee: iam.IGrantable): iam.Grant {
    const accesses = [...produceAccess(this.#place, this.#topic), ...delayAccess(this.#place, this.#topic)];
    return grantAll(grantee, accesses);
  }

  /** Reads records without a group, by offsets; and with it all objects of the isolation domain. */
  read(grantee: iam.IGrantable): iam.Grant {
    return grantAll(grantee, readAccess(this.#place, this.#topic));
  }

  /** Reads records as a member of this group, and commits for it alone. */
  consume(grantee: iam.IGrantable, groupName: string): iam.Grant {
    const accesses = [...readAccess(this.#place, this.#topic), ...groupAccess(this.#place, groupName)];
    return grantAll(grantee, accesses);
  }

  /** Changes settings, adds partitions, trims, deletes. */
  manage(grantee: iam.IGrantable): iam.Grant {
    return grantAll(grantee, manageTopicAccess(this.#place, this.#topic));
  }
}

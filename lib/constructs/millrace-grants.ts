import type * as iam from 'aws-cdk-lib/aws-iam';
import { grantAll } from './access.ts';
import { gatewayAccess, groupAccess, type LogPlace, wholeLogAccess } from './log-access.ts';

/** Permissions on a log as a whole. Those on one topic are `topic.grants`. */
export class MillraceGrants {
  readonly #place: LogPlace;

  constructor(place: LogPlace) {
    this.#place = place;
  }

  /** Everything: makes topics, reads and writes all of them, and all groups. For operators and the command line. */
  manage(grantee: iam.IGrantable): iam.Grant {
    return grantAll(grantee, wholeLogAccess(this.#place));
  }

  /** What a gateway for clients written for Kafka does: all topics, their records, and all groups. */
  gateway(grantee: iam.IGrantable): iam.Grant {
    return grantAll(grantee, gatewayAccess(this.#place));
  }

  /** Membership of a group, of whatever topics; what it may read is granted by those. */
  group(grantee: iam.IGrantable, groupName: string): iam.Grant {
    return grantAll(grantee, groupAccess(this.#place, groupName));
  }
}

/** Where a gateway answers otherwise than Apache Kafka's broker, and why. */
export interface KnownDifference {
  /** Of the case in `bad-input.ts`, `bad-group-input.ts` or `bad-logins.ts`. */
  readonly name: string;
  readonly ours: string;
  readonly kafkas: string;
  readonly why: string;
}

/** See the top of this file. */
export const knownDifferences: readonly KnownDifference[] = [
  {
    name: 'Produce: an unknown codec',
    ours: 'UNSUPPORTED_COMPRESSION_TYPE; open',
    kafkas: 'UNKNOWN_SERVER_ERROR; open',
    why: 'the client is told what is wrong',
  },
  {
    name: 'Produce: a codec that it is not compressed by',
    ours: 'INVALID_RECORD; open',
    kafkas: 'UNKNOWN_SERVER_ERROR; open',
    why: 'the client is told what is wrong',
  },
  {
    name: 'Produce: timestamps of the log',
    ours: 'INVALID_TIMESTAMP; open',
    kafkas: 'NONE; open',
    why: 'the topic decides whose time it keeps, not the producer',
  },
  {
    name: 'ConsumerGroupHeartbeat: an unknown member',
    ours: 'UNKNOWN_MEMBER_ID; open',
    kafkas: 'GROUP_ID_NOT_FOUND; open',
    why: 'a member whose group is gone joins it anew; by the other error the Java client ends',
  },
  {
    name: 'ConsumerGroupHeartbeat: a group with members of the classic protocol',
    ours: 'INCONSISTENT_GROUP_PROTOCOL; open',
    kafkas: 'NONE; open',
    why: 'a group changes its protocol when it is empty',
  },
  {
    name: 'OffsetFetch: no name',
    ours: 'INVALID_GROUP_ID; open',
    kafkas: 'NONE; open',
    why: 'every group has a name',
  },
  {
    name: 'CreateTopics: more copies than there are brokers',
    ours: 'NONE; open',
    kafkas: 'INVALID_REPLICATION_FACTOR; open',
    why: 'the stores keep their own copies',
  },
  {
    name: 'SaslAuthenticate without SaslHandshake',
    ours: 'ILLEGAL_SASL_STATE; closed',
    kafkas: 'the connection was closed before SaslAuthenticate was answered; closed',
    why: 'the client is told why its connection ends',
  },
];

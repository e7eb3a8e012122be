/** All APIs of the protocol that are written down here, by their keys. */
import * as cluster from './messages/cluster-messages.ts';
import * as group from './messages/group-messages.ts';
import * as groupOffset from './messages/group-offset-messages.ts';
import * as log from './messages/log-messages.ts';
import * as sasl from './messages/sasl-messages.ts';
import * as topic from './messages/topic-messages.ts';
import type { Api } from './schema.ts';

/** In the order of their keys. */
export const apis: readonly Api[] = [cluster, group, groupOffset, log, sasl, topic]
  .flatMap((messages) => Object.values<Api>(messages))
  .toSorted((one, other) => one.key - other.key);

const byKey = new Map(apis.map((api) => [api.key, api]));

/** The API of a key; undefined for one that is not written down. */
export function apiByKey(key: number): Api | undefined {
  return byKey.get(key);
}

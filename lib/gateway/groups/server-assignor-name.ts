/**
 * Name of an assignor of the gateway. `uniform`: evenly, moving as few as possible. `range`: each topic in ranges, so that topics with as many partitions are shared alike. Source: Kafka,
 * `group.consumer.assignors`.
 */
export type ServerAssignor = 'uniform' | 'range';

/** Whether there is such an assignor. */
export function isServerAssignor(name: string | null): name is ServerAssignor {
  return name === 'uniform' || name === 'range';
}

/** Names of what belongs to a subscription. */

/** The topic of a tier of retries, from 1. */
export function retryTopic(group: string, tier: number): string {
  return `${group}.retry-${tier}`;
}

/** The topic by which dead letters come back: that of tier 0. */
export function redriveTopic(group: string): string {
  return `${group}.redrive`;
}

/** Under this its progress with its dead letters is kept. */
export function deadLetterGroup(group: string): string {
  return `${group}.dlq`;
}

/** Names of all that retries may need: what comes back from the dead letters, then the tiers. */
export function retryNames(group: string, tiers: number): readonly string[] {
  return [redriveTopic(group), ...Array.from({ length: tiers }, (_, index) => retryTopic(group, index + 1))];
}

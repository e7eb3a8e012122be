/** Names of what belongs to a subscription. */

/** The topic of a tier of retries, from 1. */
export function retryTopic(group: string, tier: number): string {
  return `${group}.retry-${tier}`;
}

/** The topic by which dead letters come back: that of tier 0. */
export function redriveTopic(group: string): string {
  return `${group}.redrive`;
}

/** Whether records come by this topic again that a subscription has given up. */
export function isRetryTopicOf(topic: string, group: string): boolean {
  return topic === redriveTopic(group) || (topic.startsWith(`${group}.retry-`) && /\.retry-\d{1,2}$/.test(topic));
}

/** The topic of its dead letters, unless it is told another. */
export function deadLetterTopic(group: string): string {
  return `${group}.dlq`;
}

/** Under this its progress with its dead letters is kept. No subscription can have this name, and no group of consumers of the dead letters has it by chance. */
export function deadLetterGroup(group: string): string {
  return `${group}:dead-letters`;
}

/** Groups of all that retries may need: the dead letters, what comes back from them, then the tiers. */
export function retryGroups(group: string, tiers: number): readonly string[] {
  return [
    deadLetterGroup(group),
    redriveTopic(group),
    ...Array.from({ length: tiers }, (_, index) => retryTopic(group, index + 1)),
  ];
}

/** Where records go that are given up while they are replayed. */
export function replayFailuresTopic(group: string): string {
  return `${group}.replay-failures`;
}

/** Group of a replay: no other one has ever had it, so that nobody who worked for a former one can touch it. */
export function replayGroup(group: string, id: string): string {
  return `${group}:replay-${id}`;
}

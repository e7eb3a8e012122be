/** What all processes of a chaos test agree on. */
export const CHAOS_TOPIC = 'chaos';
export const CHAOS_PARTITIONS = 6;

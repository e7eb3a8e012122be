import type { ClassicSettings } from './classic-group.ts';
import type { ConsumerSettings } from './consumer-group.ts';

/** How groups are coordinated. Names and defaults are those of Kafka's broker settings. */
export interface CoordinatorSettings extends ClassicSettings, ConsumerSettings {
  /** `group.min.session.timeout.ms`: 6,000. */
  readonly minSessionMs: number;
  /** `group.max.session.timeout.ms`: 1,800,000. */
  readonly maxSessionMs: number;
}

/** Kafka's defaults, with the largest group that one item holds. */
export const coordinatorDefaults: CoordinatorSettings = {
  initialRebalanceDelayMs: 3_000,
  maxSize: 1_000,
  minSessionMs: 6_000,
  maxSessionMs: 1_800_000,
  consumerSessionMs: 45_000,
  consumerHeartbeatMs: 5_000,
};

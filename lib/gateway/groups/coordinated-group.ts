/** What a group is in the memory of the gateway that coordinates it, whichever protocol its members speak. */
import type { KafkaErrorName } from '../protocol/error-codes.ts';
import type { NamedPartitions } from './consumer-protocol.ts';
import type { CoordinatedKind } from './group-tenure.ts';

/** A member as everybody may know it. */
export interface MemberView {
  readonly id: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly sessionMs: number;
  /** Names, sorted. */
  readonly topics: readonly string[];
  /** Regular expression of its subscription; null for none. */
  readonly pattern: string | null;
  readonly assigned: readonly NamedPartitions[];
}

/** A state of a group that has to be written. */
export interface UnstoredView {
  /** Anything that JSON has. */
  readonly state: unknown;
  readonly assignor: string | null;
  readonly members: readonly MemberView[];
  /** Called when it is written, or with the reason why it is not. */
  readonly onStored: readonly ((error: KafkaErrorName | null) => void)[];
}

/** Changed by requests at once; time comes in, answers go out. */
export interface CoordinatedGroup {
  readonly kind: CoordinatedKind;
  /** Nobody is in it or about to join. */
  readonly isEmpty: boolean;
  /** What has to be written, once. */
  takeUnstored(): UnstoredView | null;
  /** When `tick` has something to do; infinity for never. Monotonic. */
  nextDeadlineMs(): number;
  tick(nowMs: number): void;
  /** Sends everybody who waits away. */
  abandon(error: KafkaErrorName): void;
}

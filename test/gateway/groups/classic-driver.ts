/** Drives a classic group by hand: requests with as few fields as a test needs, answers as they come. */
import {
  type ClassicGroup,
  type ClassicSettings,
  emptyClassicGroup,
  loadClassicGroup,
  store,
} from '../../../lib/gateway/groups/classic-group.ts';
import { type ClassicJoin, join } from '../../../lib/gateway/groups/classic-join.ts';
import type { JoinAnswer, SyncAnswer } from '../../../lib/gateway/groups/classic-member.ts';
import { nextDeadlineMs, tick } from '../../../lib/gateway/groups/classic-rebalance.ts';
import {
  type ClassicSender,
  commitError,
  heartbeat,
  leave,
  sync,
} from '../../../lib/gateway/groups/classic-requests.ts';
import type { KafkaErrorName } from '../../../lib/gateway/protocol/error-codes.ts';

export const SESSION_MS = 10_000;
export const REBALANCE_MS = 60_000;

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (of: Uint8Array) => new TextDecoder().decode(of);

/** What was answered; null while nothing was. */
export interface Waiting<T> {
  answer: T | null;
}

/** A member's protocols by name and what it says under them. */
export type Protocols = Readonly<Record<string, string>>;

/** See the top of this file. */
export class ClassicDriver {
  readonly group: ClassicGroup;
  nowMs = 1_000;
  #fresh = 0;

  constructor(settings: Partial<ClassicSettings> = {}) {
    this.group = emptyClassicGroup({ initialRebalanceDelayMs: 0, maxSize: 1_000, ...settings });
  }

  join(changes: Partial<Omit<ClassicJoin, 'protocols'>> & { protocols?: Protocols } = {}): Waiting<JoinAnswer> {
    const { protocols = { range: 'topics' }, ...others } = changes;
    const waiting: Waiting<JoinAnswer> = { answer: null };
    this.#fresh += 1;
    const request: ClassicJoin = {
      memberId: '',
      freshMemberId: `m${this.#fresh}`,
      instanceId: null,
      clientId: 'client',
      clientHost: '127.0.0.1',
      protocolType: 'consumer',
      protocols: Object.entries(protocols).map(([name, metadata]) => ({ name, metadata: bytes(metadata) })),
      sessionMs: SESSION_MS,
      rebalanceMs: REBALANCE_MS,
      mustKnowMemberId: false,
      maySkipAssignment: true,
      ...others,
    };
    join(this.group, request, this.nowMs, (answer) => {
      if (waiting.answer !== null) throw new Error('answered twice');
      waiting.answer = answer;
    });
    return waiting;
  }

  sync(sender: Partial<ClassicSender>, assignments: Protocols = {}): Waiting<SyncAnswer> {
    const waiting: Waiting<SyncAnswer> = { answer: null };
    const request = {
      ...this.#sender(sender),
      protocolType: null,
      protocol: null,
      assignments: new Map(Object.entries(assignments).map(([id, one]) => [id, bytes(one)])),
    };
    sync(this.group, request, this.nowMs, (answer) => {
      if (waiting.answer !== null) throw new Error('answered twice');
      waiting.answer = answer;
    });
    return waiting;
  }

  #sender(sender: Partial<ClassicSender>): ClassicSender {
    return { memberId: '', instanceId: null, generation: this.group.generation, ...sender };
  }

  heartbeat(sender: Partial<ClassicSender>): KafkaErrorName {
    return heartbeat(this.group, this.#sender(sender), this.nowMs);
  }

  commit(sender: Partial<ClassicSender>): KafkaErrorName | null {
    return commitError(this.group, this.#sender(sender), this.nowMs);
  }

  leave(memberId: string, instanceId: string | null = null): KafkaErrorName {
    return leave(this.group, { memberId, instanceId }, this.nowMs);
  }

  /** What had to be written is. */
  stored(error: KafkaErrorName | null = null): void {
    const { unstored } = this.group;
    this.group.unstored = null;
    for (const tell of unstored?.onStored ?? []) tell(error);
  }

  /** Time passes, and what is due is done at its time. */
  wait(durationMs: number): void {
    const untilMs = this.nowMs + durationMs;
    for (let dueMs = nextDeadlineMs(this.group); dueMs <= untilMs; dueMs = nextDeadlineMs(this.group)) {
      this.nowMs = Math.max(this.nowMs, dueMs);
      tick(this.group, this.nowMs);
    }
    this.nowMs = untilMs;
  }

  /** A group of so many members, which are stable. The first one leads. */
  static stable(
    count: number,
    changes: (place: number) => Parameters<ClassicDriver['join']>[0] = () => ({}),
  ): ClassicDriver {
    const driver = new ClassicDriver({ initialRebalanceDelayMs: 1_000 });
    const joins = Array.from({ length: count }, (_, place) => driver.join(changes(place)));
    driver.wait(2_000);
    const ids = joins.map(({ answer }) => answer!.memberId);
    const assignments = Object.fromEntries(ids.map((id, place) => [id, `assigned ${place}`]));
    for (const [place, memberId] of ids.entries()) driver.sync({ memberId }, place === 0 ? assignments : {});
    driver.stored();
    return driver;
  }

  /** The group as another gateway has it that takes it over as it was stored last. */
  static inherited(former: ClassicDriver): ClassicDriver {
    const driver = new ClassicDriver();
    store(former.group);
    Object.assign(driver.group, loadClassicGroup(former.group.unstored!.stored, driver.group.settings, driver.nowMs));
    return driver;
  }

  /** What was answered to a sync. */
  static assigned({ answer }: Waiting<SyncAnswer>): string | null {
    return answer === null ? null : answer.error === 'NONE' ? text(answer.assignment) : answer.error;
  }

  get memberIds(): readonly string[] {
    return [...this.group.members.keys()];
  }
}

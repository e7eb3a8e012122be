/** What must hold where the calls of functions are limited. It believes what the store changed and what functions were called with, and nothing that workers say. */
import { burstRecords, LATE_MS } from '../../../lib/event-source/limits/rate-plan.ts';
import { slotShard } from '../../../lib/event-source/limits/slot-shards.ts';
import type { SlotHolder, SlotPlace, Slots } from '../../../lib/event-source/limits/slots.ts';
import type { SubscriptionOptions } from '../../../lib/event-source/subscription-options.ts';
import { partitionPk } from '../../../lib/log/partition-key.ts';
import type { MemberProcess } from '../../group/simulation/member-process.ts';
import { START_MS, type VirtualTime } from '../../log/simulation/virtual-time.ts';
import type { RunRecorder } from '../../simulate/run-recorder.ts';

/** Clocks are wrong by less than half of this, one against the other. */
const SKEW_MS = 1_000;
/** From the moment when a batch is given out until its function begins. */
const WAY_MS = 200;
/** Slots that ran out so long ago may be somebody else's: whoever takes them waits for two seconds, by his clock. */
const EXCUSED_MS = 1_000;

/** A call that runs. */
interface Running {
  readonly process: MemberProcess;
  /** Of the slots under which it was made. */
  readonly slot: string | undefined;
  /** The function runs in that process, and dies with it; otherwise it goes on. */
  readonly isOwn: boolean;
}

/** A call, as its oracle is told of it. */
export interface LimitedCall {
  readonly process: MemberProcess;
  readonly group: string;
  readonly records: number;
  readonly isOwn: boolean;
}

/** How a group may be called. */
interface Limited {
  readonly options: Pick<SubscriptionOptions, 'maximumConcurrency' | 'recordsPerSecond'>;
  readonly running: Set<Running>;
  /** Records above what the rate has let through since, and when that was. */
  level: number;
  levelAtMs: number;
}

/** See the top of this file. */
export class LimitsOracle {
  readonly #time: VirtualTime;
  readonly #recorder: RunRecorder;
  readonly #groups = new Map<string, Limited>();
  /** By what is stored under which: who had slots, and until when. */
  readonly #expiries = new Map<string, number>();
  readonly #slotOf = new Map<MemberProcess, string>();
  readonly #lost = new Set<string>();
  readonly #kept = new Map<string, number>();
  readonly #removed = new Set<string>();
  /** Nothing is lost any more, and nobody dies: nothing is excused either. */
  isCalm = false;
  /** Nobody looks at everything any more: who is not told never comes. */
  isQuiet = false;

  constructor(time: VirtualTime, recorder: RunRecorder) {
    this.#time = time;
    this.#recorder = recorder;
  }

  add(group: string, options: Limited['options']): void {
    this.#groups.set(group, { options, running: new Set(), level: 0, levelAtMs: 0 });
  }

  /** A group is gone: who works for it all the same is not waited for, and nobody waits. */
  onRemoved(group: string): void {
    this.#removed.add(group);
    for (const name of this.#kept.keys()) if (name.startsWith(`${group} `)) this.#kept.delete(name);
  }

  /** Slots were changed by a process. */
  onSlots(process: MemberProcess, [group, shard]: readonly [group: string, shard: number], slots: Slots): void {
    const nowMs = START_MS + this.#time.nowMs;
    this.#recorder.count('slots changed');
    for (const [name, expiresAtMs] of this.#expiries) {
      if (expiresAtMs + EXCUSED_MS <= nowMs) this.#lost.add(name);
    }
    const told = new Map(slots.holders.filter(({ epoch }) => epoch === 0).map((one) => [placeName(one), one]));
    for (const [name, sinceMs] of this.#kept) {
      if (told.has(name) || !name.startsWith(`${group} `)) continue;
      this.#kept.delete(name);
      const isFetched = slots.holders.some((one) => one.epoch > 0 && placeName(one) === name);
      this.#expectFetched(isFetched, name, sinceMs);
    }
    const isThere = !this.#removed.has(group);
    for (const name of told.keys()) if (isThere && !this.#kept.has(name)) this.#kept.set(name, this.#time.nowMs);
    let calls = 0;
    for (const one of slots.holders) {
      const name = slotName(one);
      if (one.epoch > 0 && !this.#expiries.has(name)) this.#slotOf.set(process, name);
      if (one.epoch > 0) this.#expiries.set(name, one.expiresAtMs);
      if (!this.#lost.has(name)) calls += one.calls;
    }
    const { limit } = slotShard(this.#groups.get(group)!.options.maximumConcurrency, shard);
    this.#recorder.expect(calls <= limit, 'Concurrency', () => `${calls} slots of ${group} are given, of ${limit}`);
  }

  /** At the end: whoever was told has come. */
  onEnd(): void {
    for (const [name, sinceMs] of this.#kept) this.#expectFetched(false, name, sinceMs);
  }

  #expectFetched(isFetched: boolean, name: string, sinceMs: number): void {
    this.#recorder.expect(
      isFetched || !this.isQuiet,
      'No lost doorbell',
      () => `a slot was kept for ${name} at ${sinceMs.toFixed(0)}, and nobody came for it`,
    );
  }

  /** A function is called; to be told when that is over. */
  onCall(told: LimitedCall): () => void {
    const { process, group, isOwn } = told;
    const limited = this.#groups.get(group)!;
    const call: Running = { process, slot: this.#slotOf.get(process), isOwn };
    limited.running.add(call);
    // Its limits are gone with it; a worker may still hold what it read before.
    if (!this.#removed.has(group)) {
      this.#checkConcurrency(group, limited, call);
      this.#checkRate(limited, told);
    }
    return () => limited.running.delete(call);
  }

  #checkConcurrency(group: string, { options, running }: Limited, call: Running): void {
    const { maximumConcurrency } = options;
    if (maximumConcurrency === 0) return;
    this.#recorder.count('limited calls');
    this.#recorder.expect(
      call.slot !== undefined,
      'Concurrency',
      () => `${call.process.name} calls for ${group} without a slot`,
    );
    const counted = [...running].filter((one) => !this.#isExcused(one));
    this.#recorder.expect(
      counted.length <= maximumConcurrency,
      'Concurrency',
      () => `${counted.map(({ process }) => process.name).join()} call for ${group} at once, ${maximumConcurrency} may`,
    );
  }

  /** Its slots ran out, since whoever had them died or could not renew them. */
  #isExcused({ process, slot, isOwn }: Running): boolean {
    if (isOwn && !process.alive) return true;
    const isTroubled = !process.alive || process.wasStopped || !this.isCalm;
    const endMs = this.#expiries.get(slot ?? '') ?? 0;
    const isOver = this.#lost.has(slot ?? '') || endMs + EXCUSED_MS <= START_MS + this.#time.nowMs;
    return isTroubled && isOver;
  }

  /** A bucket that holds a burst, and what may come late or by another clock. What a process does that stood still in between is as late as that. */
  #checkRate(limited: Limited, { process, group, records }: LimitedCall): void {
    const rate = limited.options.recordsPerSecond;
    if (rate === 0 || process.wasStopped) return;
    this.#recorder.count('rated calls');
    const { nowMs } = this.#time;
    limited.level = Math.max(0, limited.level - ((nowMs - limited.levelAtMs) * rate) / 1_000) + records;
    limited.levelAtMs = nowMs;
    const most = Math.max(1, rate) + (rate * (LATE_MS + SKEW_MS + WAY_MS)) / 1_000;
    this.#recorder.expect(
      limited.level <= most + 1e-6,
      'Rate',
      () => `${limited.level.toFixed(2)} records of ${group} came together, at ${rate} a second ${most.toFixed(2)} may`,
    );
    this.#recorder.expect(
      records <= burstRecords(rate),
      'Rate',
      () => `${records} records of ${group} in one call at ${rate} a second`,
    );
  }
}

const placeName = ({ group, topicId, partition }: SlotPlace) => `${group} ${partitionPk({ topicId, partition })}`;
const slotName = (holder: SlotHolder) => `${placeName(holder)}@${holder.epoch}`;

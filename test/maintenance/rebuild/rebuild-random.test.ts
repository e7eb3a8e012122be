/** Random histories of a log that loses its tables, with older ones and without: everything follows from a seed. */
import { describe, expect, it } from 'vitest';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import type { OldTables } from '../../../lib/maintenance/rebuild/old-tables.ts';
import { rebuild } from '../../../lib/maintenance/rebuild/rebuild.ts';
import { seededFaults } from '../../log/faulty-store.ts';
import { seededRandom } from '../../log/topic-stage.ts';
import { collectFor } from '../collection-stage.ts';
import { fork, recordsOf } from '../fork-stage.ts';
import { HOUR_MS, type MaintenanceStage, MINUTE_MS, maintenanceStage } from '../maintenance-stage.ts';
import { allChunks, namesOf, savedTables, withoutTables } from './rebuild-stage.ts';

const SEEDS = 20;
const PARTITIONS = 2;

/** What was acknowledged, by partition: values by their offsets. */
type Acknowledged = Map<string, Map<bigint, string>>;

class RandomLog {
  readonly outcomes = { restored: 0, fromTables: 0, missing: 0, disasters: 0 };
  readonly #random;
  #stage: MaintenanceStage;
  #acknowledged: Acknowledged = new Map();
  /** What did not come back, or was trimmed. What was trimmed may come back all the same. */
  readonly #gone = new Set<string>();
  #old: OldTables | null = null;
  #forks = 0;
  #values = 0;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = seededRandom(seed);
    this.#stage = maintenanceStage();
  }

  #below(count: number): number {
    return Math.floor((this.#random.bytes(1)[0]! / 256) * count);
  }

  async run(): Promise<void> {
    for (let disaster = 0; disaster < 2; disaster++) {
      // Of one that was never compacted there may be nothing.
      if ((await this.#stage.base.topics.get('orders')) === null)
        await this.#stage.topic('orders', { partitionCount: PARTITIONS });
      for (let count = 5 + this.#below(20); count > 0; count--) await this.#act();
      await this.#lose();
    }
  }

  async #act(): Promise<void> {
    const { clock } = this.#stage;
    switch (this.#below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return this.#append();
      case 4:
        return this.#trim();
      case 5:
        return this.#run(['retention']);
      case 6:
      case 7:
        return this.#run(['compaction']);
      case 8:
        return this.#run(['collection']);
      case 9:
        this.#old = await savedTables(this.#stage);
        return;
      case 10:
        return this.#fork();
      default:
        clock.pass(this.#below(60) * MINUTE_MS);
    }
  }

  async #partitions(): Promise<
    readonly { readonly name: string; readonly domain: string; readonly key: PartitionKey }[]
  > {
    const found = [];
    for (const name of await this.#stage.base.topics.list(null, 100)) {
      const { topicId, domain } = (await this.#stage.base.topics.get(name))!;
      for (let partition = 0; partition < PARTITIONS; partition++)
        found.push({ name, domain, key: { topicId, partition } });
    }
    return found;
  }

  #of({ topicId, partition }: PartitionKey): Map<bigint, string> {
    const name = `${topicId} ${partition}`;
    const known = this.#acknowledged.get(name) ?? new Map<bigint, string>();
    this.#acknowledged.set(name, known);
    return known;
  }

  async #append(): Promise<void> {
    const all = await this.#partitions();
    const { key, domain } = all[this.#below(all.length)]!;
    const values = Array.from({ length: 1 + this.#below(4) }, () => `v${this.#values++}`);
    let { next } = await this.#stage.head(key);
    await this.#stage.append(key, values, { domain, roll: this.#below(3) > 0, inline: this.#below(3) === 0 });
    for (const value of values) {
      // An offset is never given twice, whatever was lost in between.
      expect(this.#of(key).has(next)).toBe(false);
      this.#of(key).set(next++, value);
    }
  }

  async #trim(): Promise<void> {
    const all = await this.#partitions();
    const { name, key } = all[this.#below(all.length)]!;
    const { start, next } = await this.#stage.head(key);
    const span = next - start > 20n ? 3 : Number(next - start);
    await this.#stage.admin.trimPartition(name, key.partition, start + BigInt(this.#below(span + 1)));
  }

  async #run(jobs: readonly ('retention' | 'compaction' | 'collection')[]): Promise<void> {
    const freshMs = this.#below(2) * HOUR_MS;
    for (let pass = 0; pass < 2; pass++) {
      await this.#stage.run({ jobs, evenIfNotDue: true, waitMs: 0, freshMs, restoreWindowMs: 24 * HOUR_MS });
      this.#stage.clock.pass(6 * MINUTE_MS);
    }
  }

  /** A copy of all there is, or up to an offset of one partition. */
  async #fork(): Promise<void> {
    if (this.#forks === 2) return;
    const source = (await this.#partitions()).filter(({ name }) => name === 'orders');
    const { key } = source[this.#below(PARTITIONS)]!;
    const { start, next } = await this.#stage.head(key);
    const span = next - start > 20n ? 20 : Number(next - start);
    const cut = start + BigInt(this.#below(span + 1));
    const name = `fork-${this.#forks++}`;
    await fork(this.#stage, { name, ...(this.#below(2) > 0 && { at: { offsets: new Map([[key.partition, cut]]) } }) });
    for (const { key: of } of source) {
      const forked = { ...of, topicId: (await this.#stage.base.topics.get(name))!.topicId };
      const head = await this.#stage.head(forked);
      for (const [offset, value] of this.#of(of)) {
        if (offset >= head.next) continue;
        this.#of(forked).set(offset, value);
        if (this.#gone.has(goneKey(of, offset))) this.#gone.add(goneKey(forked, offset));
      }
    }
  }

  /** Offsets that must come back: what is compacted, and what older tables had that the log still has. */
  async #expected({ key, old }: { readonly key: PartitionKey; readonly old: OldTables | null }) {
    const head = await this.#stage.head(key);
    const chunks = await allChunks(this.#stage, key);
    const oldHead = (await old?.heads.read(key, { consistent: true })) ?? null;
    const isCompacted = (offset: bigint) =>
      chunks.some(({ base, end, level }) => level === 1 && base <= offset && offset < end);
    const offsets = [...this.#of(key).keys()].filter((offset) => offset >= head.start);
    return {
      head,
      must: offsets.filter((offset) => isCompacted(offset) || (oldHead !== null && offset < oldHead.next)),
      most: offsets.length,
    };
  }

  async #lose(): Promise<void> {
    const old = this.#below(2) > 0 ? this.#old : null;
    const before = this.#stage;
    const expected = [];
    for (const one of await this.#partitions())
      expected.push({ ...one, ...(await this.#expected({ key: one.key, old })) });
    const topics = await namesOf(before);
    const faults = seededFaults({ seed: this.#seed, probability: this.#below(2) * 0.03 });
    let isRebuilding = false;
    const plan: typeof faults = { ...faults, next: (...asked) => (isRebuilding ? faults.next(...asked) : null) };
    const killedAt = this.#below(2) === 0 ? this.#below(120) : Number.POSITIVE_INFINITY;
    let calls = 0;
    const after = await withoutTables(before, {
      plan,
      onCall: async () => {
        if (isRebuilding && calls++ >= killedAt && calls < killedAt + 200) throw new Error('killed');
      },
    });
    const tables = new Set<string>();
    for (const { name } of expected) if (await hasObjects(after, name, topics, old)) tables.add(name);
    const named = new Map([...topics].filter(([, { name }]) => tables.has(name)));
    isRebuilding = true;
    const chunksAtOnce = [1, 2, 5, 1_000][this.#below(4)]!;
    await this.#rebuild(after, { topics: named, chunksAtOnce, ...(old !== null && { from: old }) });
    isRebuilding = false;
    for (const late of after.faulty.late) if (late.state === 'waiting') await late.release().catch(() => {});
    this.#stage = after;
    this.#old = null;
    this.outcomes.disasters += 1;
    for (const { name, key, head, must, most } of expected) {
      if (tables.has(name)) await this.#expectPartition({ name, key, head, must, most });
    }
    expect(await after.damages()).toEqual([]);
    // No maintenance takes any of it away.
    const restored = await Promise.all(
      (await this.#partitions()).map(({ name, key }) => recordsOf(after, name, key.partition)),
    );
    await collectFor(after, 2);
    await this.#run(['compaction', 'retention']);
    const again = await Promise.all(
      (await this.#partitions()).map(({ name, key }) => recordsOf(after, name, key.partition)),
    );
    expect(again).toEqual(restored);
    expect(await after.damages()).toEqual([]);
    // Of what is not there nothing is known any more: it cannot be expected a second time.
    for (const { name, key } of await this.#partitions()) {
      const there = new Set((await recordsOf(after, name, key.partition)).map((one) => BigInt(one.split(':', 1)[0]!)));
      for (const offset of this.#of(key).keys()) if (!there.has(offset)) this.#gone.add(goneKey(key, offset));
    }
  }

  async #rebuild(after: MaintenanceStage, request: Parameters<typeof rebuild>[1]): Promise<void> {
    for (let run = 0; ; run++) {
      try {
        const { topics } = await rebuild(after.deps, request);
        for (const { partitions } of topics)
          for (const { fromTables } of partitions) this.outcomes.fromTables += fromTables;
        return;
      } catch (error) {
        if (run === 400) throw error;
        // Killed, or nobody has answered for long: the job is free again after a while.
        after.clock.pass(2 * MINUTE_MS);
      }
    }
  }

  async #expectPartition({
    name,
    key,
    head,
    must,
    most,
  }: {
    readonly name: string;
    readonly key: PartitionKey;
    readonly head: { readonly next: bigint };
    readonly must: readonly bigint[];
    readonly most: number;
  }): Promise<void> {
    const acknowledged = this.#of(key);
    const read = await recordsOf(this.#stage, name, key.partition);
    const there = new Set<bigint>();
    let last = -1n;
    for (const one of read) {
      const [offset, value] = one.split(':') as [string, string];
      expect(BigInt(offset)).toBeGreaterThan(last);
      last = BigInt(offset);
      there.add(last);
      expect(value).toBe(acknowledged.get(last));
    }
    for (const offset of must) {
      if (!this.#gone.has(goneKey(key, offset))) expect([...there]).toContain(offset);
    }
    expect((await this.#stage.head(key)).next).toBeGreaterThan(head.next);
    this.outcomes.restored += there.size;
    this.outcomes.missing += Math.max(0, most - there.size);
  }
}

const goneKey = ({ topicId, partition }: PartitionKey, offset: bigint) => `${topicId} ${partition} ${offset}`;

async function hasObjects(
  after: MaintenanceStage,
  name: string,
  topics: Awaited<ReturnType<typeof namesOf>>,
  old: OldTables | null,
): Promise<boolean> {
  if ((await old?.topics.get(name)) !== null && old !== null) return true;
  const { topics: found } = await rebuild(after.deps, { dryRun: true });
  const [topicId] = [...topics].find(([, one]) => one.name === name)!;
  return found.some((one) => one.topicId === topicId);
}

describe('a log that loses its tables, under random events', () => {
  it('has nothing under other offsets or in another order, all that was compacted, and all that older tables tell', async () => {
    const sum = { restored: 0, fromTables: 0, missing: 0, disasters: 0 };
    for (let seed = 0; seed < SEEDS; seed++) {
      const log = new RandomLog(seed);
      await log.run().catch((error: Error) => {
        error.message = `seed ${seed}: ${error.message}`;
        throw error;
      });
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += log.outcomes[name];
    }
    // It is neither all lost nor all there.
    expect(sum.disasters).toBe(2 * SEEDS);
    expect(sum.restored).toBeGreaterThan(5 * SEEDS);
    expect(sum.fromTables).toBeGreaterThan(SEEDS / 4);
    expect(sum.missing).toBeGreaterThan(SEEDS);
  });
});

/** Who forks topics and deletes them again, forks of forks among them; may be killed at any point, and goes on with what others have left. */
import { MillraceError } from '../../../lib/errors.ts';
import { isDamage } from '../../../lib/log/entry-check.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import { TopicAdmin } from '../../../lib/log/topic-admin.ts';
import type { ForkPoint } from '../../../lib/maintenance/fork-plan.ts';
import { forkTopic } from '../../../lib/maintenance/fork-topic.ts';
import type { MaintenancePorts } from '../../../lib/maintenance/jobs.ts';
import type { Oracle } from '../../log/simulation/oracle.ts';
import { type Dice, type Process, START_MS, type VirtualTime } from '../../log/simulation/virtual-time.ts';
import type { BusyTime } from '../../simulate/schedule-size.ts';
import type { ForkAttempt, ForkOracle } from './fork-oracle.ts';

/** Names of forks: so few that they are made again under the same name. */
export const FORK_NAMES = ['fork-0', 'fork-1'] as const;

/** What may come of it when others work on the same. */
const PASSING = new Set(['TOPIC_BUSY', 'TOPIC_ALREADY_EXISTS', 'UNKNOWN_TOPIC_OR_PARTITION', 'OFFSET_OUT_OF_RANGE']);

interface ForkActorParts {
  readonly process: Process;
  /** Over the network. */
  readonly store: LogStore & MaintenancePorts;
  /** Past the network. */
  readonly base: LogStore;
  readonly dice: Dice;
  readonly time: VirtualTime;
  readonly oracle: Oracle;
  readonly judge: ForkOracle;
  /** Names of topics that may be deleted. */
  readonly mortal: () => readonly string[];
}

/** See the top of this file. */
export class ForkActor {
  readonly #parts: ForkActorParts;

  constructor(parts: ForkActorParts) {
    this.#parts = parts;
  }

  /** One thing after another for as long as all are busy. */
  async run(busy: BusyTime, pauseMs: number): Promise<void> {
    const { process, dice, base } = this.#parts;
    await process.sleep(dice.magnitude(10, pauseMs));
    while (process.alive && !busy.isOver) {
      const names = await base.topics.list(null, 10);
      const mortal = names.filter((name) => this.#parts.mortal().includes(name));
      if (mortal.length > 0 && dice.chance(0.25)) await this.delete(dice.pick(mortal));
      else await this.fork(dice.pick(names), dice.pick(FORK_NAMES));
      await process.sleep(dice.magnitude(5, pauseMs));
    }
  }

  /** Whether it was acknowledged. What is left of one that failed is deleted, most of the time. */
  async fork(source: string, name: string): Promise<boolean> {
    const { process, dice, judge, oracle } = this.#parts;
    const at = await this.#point(source);
    const attempt = judge.begin(at);
    const deps = { store: this.#watching(attempt, source), clock: process, random: dice };
    try {
      const made = await forkTopic(deps, { source, name, ...(at && { at }) });
      await judge.acknowledged(attempt, made);
      return true;
    } catch (error) {
      const isPassing = await this.#isPassing(error, source, attempt);
      oracle.expect(isPassing, 'Fork', () => `forking ${source} ended with ${String((error as Error).stack)}`);
      oracle.count(`fork ${(error as MillraceError).code}`);
      if (dice.chance(0.7)) await this.delete(name);
      return false;
    }
  }

  async delete(name: string): Promise<void> {
    const { store, process, dice, oracle } = this.#parts;
    try {
      await new TopicAdmin({ store, clock: process, random: dice }).deleteTopic(name);
      oracle.count('topics deleted');
    } catch (error) {
      const isPassing = error instanceof MillraceError && (error.retriable || PASSING.has(error.code));
      oracle.expect(isPassing, 'Deletion', () => `deleting ${name} ended with ${String(error)}`);
    }
  }

  async #isPassing(error: unknown, source: string, { sourceId }: ForkAttempt): Promise<boolean> {
    const { oracle, base } = this.#parts;
    if (!(error instanceof MillraceError)) return false;
    if (error.retriable) return true;
    const isSpoilt = isDamage(error) && error.code !== 'OBJECT_MISSING' && oracle.counts.has('spoilt');
    const topic = await base.topics.get(source);
    // Another may have been made under its name.
    const isThere = topic?.state === 'active' && topic.topicId === sourceId;
    const isSourceGone = !isThere && (error.code === 'OBJECT_MISSING' || error.code === 'UNKNOWN_TOPIC_OR_PARTITION');
    return isSpoilt || isSourceGone || (PASSING.has(error.code) && error.code !== 'UNKNOWN_TOPIC_OR_PARTITION');
  }

  /** All, up to offsets, or up to a time. */
  async #point(source: string): Promise<ForkPoint | undefined> {
    const { dice, time, base, oracle } = this.#parts;
    const kind = dice.pick(['all', 'offsets', 'offsets', 'time'] as const);
    if (kind === 'time')
      return { timestampMs: BigInt(START_MS + Math.round(time.nowMs) - dice.between(-6_000, 12_000)) };
    const topic = await base.topics.get(source);
    const truths = oracle.living.filter(({ partition }) => partition.topicId === topic?.topicId && dice.chance(0.7));
    if (kind === 'all' || truths.length === 0) return undefined;
    const offsets = truths.map(({ partition, head: { start, next } }) => {
      return [partition.partition, start + BigInt(dice.between(0, Number(next - start)))] as const;
    });
    return { offsets: new Map(offsets) };
  }

  /** Tells the judge which topic the source was, and which the fork is to be. */
  #watching(attempt: ForkAttempt, source: string): LogStore & MaintenancePorts {
    const { store, judge } = this.#parts;
    const { topics } = store;
    return {
      ...store,
      topics: {
        ...topics,
        get: async (name) => {
          const topic = await topics.get(name);
          if (name === source) attempt.sourceId ??= topic?.topicId ?? null;
          return topic;
        },
        create: (topic) => {
          judge.tries(attempt, topic.topicId);
          return topics.create(topic);
        },
      },
    };
  }
}

/** Members of a group as processes, and what is expected of what they tell. */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Millrace } from '../../lib/index.ts';
import { checkGroupHistory, type GroupEvent, parseEvent } from '../history/check-group-history.ts';
import { type Place, type Places, withMillrace } from './chaos-places.ts';
import { ChaosProcess } from './chaos-process.ts';
import { CHAOS_PARTITIONS, CHAOS_TOPIC } from './chaos-topic.ts';
import { SESSION_MS } from './consuming-process.ts';

const RECORDS_EACH = 10;
const PRODUCE_EVERY_MS = 20;
const MEMBERS_MOST = 4;

class Member {
  readonly name: string;
  readonly events: GroupEvent[] = [];
  readonly #process: ChaosProcess;

  constructor({ connection, env }: Place, name: string) {
    this.name = name;
    this.#process = new ChaosProcess('./consuming-process.ts', name, {
      args: [connection, name],
      env,
      onLine: (line) => this.events.push(parseEvent(name, line)),
    });
  }

  #note(kind: GroupEvent['kind']): void {
    const atMs = performance.timeOrigin + performance.now();
    this.events.push({ atMs, member: this.name, kind, partitions: [], offset: -1 });
  }

  async kill(): Promise<void> {
    this.#note('killed');
    await this.#process.kill();
  }

  async leave(): Promise<void> {
    await this.#process.leave();
    this.#note('left');
  }

  /** Longer than its session: others take it for dead, and it wakes as a zombie. */
  async stop(): Promise<void> {
    this.#note('stopped');
    await this.#process.stop(SESSION_MS * 2);
    this.#note('woken');
  }
}

async function produce(millrace: Millrace, isOver: () => boolean): Promise<void> {
  const producer = millrace.producer();
  while (!isOver()) {
    const records = Array.from({ length: RECORDS_EACH }, () => ({
      topic: CHAOS_TOPIC,
      partition: randomInt(CHAOS_PARTITIONS),
      value: 'x',
    }));
    await producer.sendAll(records);
    await pause(PRODUCE_EVERY_MS);
  }
  await producer.close();
}

async function makeTrouble(
  { faulty, calm }: Places,
  producing: Promise<void>,
  isOver: () => boolean,
): Promise<readonly Member[]> {
  const all: Member[] = [];
  const living: Member[] = [];
  const busy: Promise<void>[] = [];
  const join = () => {
    const member = new Member(faulty, `m${all.length}`);
    all.push(member);
    living.push(member);
  };
  for (let count = 0; count < 3; count++) join();
  while (!isOver()) {
    await pause(randomInt(200, 1_500));
    if (living.length < 2 || (living.length < MEMBERS_MOST && randomInt(2) === 0)) {
      join();
      continue;
    }
    const [member] = living.splice(randomInt(living.length), 1);
    const trouble = (['kill', 'leave', 'stop'] as const)[randomInt(3)]!;
    const ended = member![trouble]();
    ended.catch(() => {});
    // One that was stopped lives on.
    busy.push(trouble === 'stop' ? ended.then(() => void living.push(member!)) : ended);
  }
  await Promise.all(busy);
  join();
  await producing;
  await withMillrace(calm, (millrace) => waitUntilRead(millrace, all));
  await Promise.all(living.map((member) => member.leave()));
  const last = await withMillrace(calm, (millrace) => readTheRest(millrace, () => new Member(calm, `m${all.length}`)));
  return [...all, ...last];
}

/** What a member was given last before it was killed may not be committed: one more member, alone, is given that again, and commits it. */
async function readTheRest(millrace: Millrace, join: () => Member): Promise<readonly Member[]> {
  const { partitions } = await millrace.groups.describeGroup(CHAOS_TOPIC);
  const rest = partitions.filter(({ lag }) => lag > 0n);
  if (rest.length === 0) return [];
  const member = join();
  const isGiven = ({ partition, highWatermark }: (typeof rest)[number]) =>
    member.events.some(
      (event) =>
        event.kind === 'given' && event.partitions[0] === partition && event.offset === Number(highWatermark) - 1,
    );
  while (!rest.every(isGiven)) await pause(200);
  await member.leave();
  return [member];
}

/** Until every record was given to somebody, and partitions lie still. */
async function waitUntilRead(millrace: Millrace, members: readonly Member[]): Promise<void> {
  const { partitions } = await millrace.topics.describeTopic(CHAOS_TOPIC);
  const records = partitions.reduce((sum, { highWatermark }) => sum + Number(highWatermark), 0);
  const given = () => {
    const events = members.flatMap((member) => member.events).filter(({ kind }) => kind === 'given');
    return new Set(events.map(({ partitions, offset }) => `${partitions}/${offset}`)).size;
  };
  while (given() < records) await pause(200);
  while ((await millrace.groups.describeGroup(CHAOS_TOPIC)).state !== 'stable') await pause(200);
}

/** Runs a group for so long while its members are killed, stopped, leave and join, and judges what they told. */
export async function judgeGroup(places: Places, durationMs: number): Promise<void> {
  const { verdict, lags, kinds, members } = await withMillrace(places.calm, async (millrace) => {
    const endMs = performance.now() + durationMs;
    const isOver = () => performance.now() > endMs;
    const members = await makeTrouble(places, produce(millrace, isOver), isOver);
    const described = await millrace.topics.describeTopic(CHAOS_TOPIC);
    const ends = new Map(described.partitions.map((one) => [one.partition, Number(one.highWatermark)]));
    const group = await millrace.groups.describeGroup(CHAOS_TOPIC);
    const events = members.flatMap((member) => member.events);
    return {
      verdict: checkGroupHistory(events, ends, { graceMs: SESSION_MS }),
      lags: group.partitions.map(({ lag }) => lag),
      kinds: new Set(events.map(({ kind }) => kind)),
      members: members.length,
    };
  });
  expect(verdict.problems).toEqual([]);
  expect(lags).toEqual(Array.from({ length: CHAOS_PARTITIONS }, () => 0n));
  expect([...kinds].sort()).toEqual([
    'assigned',
    'committed',
    'given',
    'killed',
    'left',
    'lost',
    'revoked',
    'stopped',
    'woken',
  ]);
  // A run in which nothing moved or nothing came again would show nothing.
  expect(verdict.moves).toBeGreaterThan(15);
  expect(verdict.repeated).toBeGreaterThan(0);
  const { moves, given, repeated } = verdict;
  console.log(`${members} members, ${moves} partitions moved, ${given} records given out, ${repeated} of them again`);
}

/** Gateways as processes that are killed and started over one store, under load: what idempotent producers were told of stands once, in order; a group over them skips nothing, and is given nothing that is another's. */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { freePorts } from '../../tools/kafka/free-ports.ts';
import { librdkafkaPython } from '../../tools/kafka/librdkafka.ts';
import { checkGroupHistory, type GroupEvent, parseEvent } from '../history/check-group-history.ts';
import { checkLogHistory } from '../history/check-log-history.ts';
import { type LogEvent, parseLogEvent } from '../history/log-event.ts';
import { filePlaces, type Place, withMillrace } from './chaos-places.ts';
import { ChaosProcess } from './chaos-process.ts';
import { CHAOS_PARTITIONS, CHAOS_TOPIC } from './chaos-topic.ts';

const CHAOS_MS = 30_000;
const GATEWAYS = 3;
const PRODUCERS = 2;
const MEMBERS = 3;
const FINAL = 'final';

/** Gateways over one place, at ports that clients know, some of which answer at a time. */
class Gateways {
  readonly #place: Place;
  readonly #ports: readonly number[];
  readonly #running = new Map<number, ChaosProcess>();
  started = 0;

  constructor(place: Place, ports: readonly number[]) {
    this.#place = place;
    this.#ports = ports;
  }

  get bootstrap(): string {
    return this.#ports.map((port) => `127.0.0.1:${port}`).join();
  }

  /** Starts one more, at a port where none is; ends when it listens. */
  async add(): Promise<void> {
    const free = this.#ports.filter((port) => !this.#running.has(port));
    const port = free[randomInt(free.length)]!;
    const gateway = new ChaosProcess('../../bin/millrace.ts', `gateway ${this.started++}`, {
      args: ['--store', this.#place.connection, 'gateway', '--port', String(port)],
      env: this.#place.env,
      onLine: () => {},
    });
    this.#running.set(port, gateway);
    while (!gateway.hasSpoken) await pause(20);
  }

  async remove(how: 'kill' | 'leave'): Promise<void> {
    const all = [...this.#running];
    const [port, gateway] = all[randomInt(all.length)]!;
    if (how === 'kill') await gateway.kill();
    else await gateway.leave();
    this.#running.delete(port);
  }

  async end(): Promise<void> {
    for (const gateway of this.#running.values()) await gateway.leave();
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 90_000;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not in time: ${what}`);
    await pause(200);
  }
}

/** Everything was given to somebody, and is committed. */
function isRead(place: Place): Promise<boolean> {
  return withMillrace(place, async (millrace) => {
    const { partitions } = await millrace.groups.describeGroup(CHAOS_TOPIC);
    return partitions.length === CHAOS_PARTITIONS && partitions.every(({ lag }) => lag === 0n);
  });
}

it('on files: gateways that are killed and added lose nothing of their clients', { timeout: 240_000 }, async () => {
  const { calm } = await filePlaces();
  const python = await librdkafkaPython();
  const gateways = new Gateways(calm, await freePorts(GATEWAYS + 1));
  for (let count = 0; count < GATEWAYS; count++) await gateways.add();
  const log: LogEvent[] = [];
  const group: GroupEvent[] = [];
  const client = (script: string, name: string, args: readonly string[], onLine: (line: string) => void) =>
    new ChaosProcess(`../../tools/kafka/${script}.py`, name, { program: python, args: [...args, name], onLine });
  const producers = Array.from({ length: PRODUCERS }, (_, place) => {
    const args = [gateways.bootstrap, CHAOS_TOPIC, String(CHAOS_PARTITIONS)];
    return client('chaos_producer', `p${place}`, args, (line) => log.push(parseLogEvent(line)));
  });
  const join = (name: string) =>
    client('chaos_member', name, [gateways.bootstrap, CHAOS_TOPIC, CHAOS_TOPIC], (line) =>
      group.push(parseEvent(name, line)),
    );
  const members = Array.from({ length: MEMBERS }, (_, place) => join(`m${place}`));
  const endMs = performance.now() + CHAOS_MS;
  let removed = 0;
  while (performance.now() < endMs) {
    await pause(randomInt(2_000, 7_000));
    await gateways.remove(removed++ % 3 === 2 ? 'leave' : 'kill');
    await pause(randomInt(0, 3_000));
    await gateways.add();
    if (removed === 2) members.push(join('m3'));
  }
  for (const producer of producers) await producer.leave();
  await until('all is read', () => isRead(calm));
  for (const member of members) await member.leave();
  await gateways.end();
  const reader = new ChaosProcess('./reading-process.ts', FINAL, {
    args: [calm.connection, FINAL, 'end'],
    onLine: (line) => log.push(parseLogEvent(line)),
  });
  await reader.whole();

  const verdict = checkLogHistory(log, FINAL);
  expect(verdict.problems).toEqual([]);
  // Nobody gave up: whatever was sent is there.
  expect([verdict.sent, verdict.acked]).toEqual([verdict.records, verdict.records]);
  expect(verdict.acked).toBeGreaterThan(2_000);
  const ends = new Map<number, number>();
  for (const event of log)
    if (event.kind === 'read') ends.set(event.partition, Math.max(ends.get(event.partition) ?? 0, event.offset + 1));
  const { problems, given, repeated, moves } = checkGroupHistory(group, ends);
  expect(problems).toEqual([]);
  // However often their gateway died, no member was put out.
  expect(group.filter(({ kind }) => kind === 'lost')).toEqual([]);
  expect(removed).toBeGreaterThan(2);
  console.log({ ...verdict, given, repeated, moves, removed, gateways: gateways.started });
});

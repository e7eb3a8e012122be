/** A process that uses a file store, started by `processes.test.ts`: `node child.ts <mode> <directory> <topicId> <number>`. */
import { systemClock as clock } from '../../lib/clock.ts';
import { hasCode } from '../../lib/errors.ts';
import type { LogStore } from '../../lib/log/log-store.ts';
import { rollTail } from '../../lib/log/roll.ts';
import { openFileStore } from '../../lib/sqlite/sqlite-store.ts';
import { chunkAt, commitArgs, entryNumbered, idNumbered, readHead } from '../log/contract/fresh.ts';
import { openObjects } from './open-objects.ts';
import { SMALL_PACKS, smallObject } from './small-objects.ts';

const [mode, directory, topicId, text] = process.argv.slice(2) as [string, string, string, string];
const number = Number(text);
const partition = { topicId, partition: 0 };

/** Repeats what another process kept from its turn. */
async function insist<T>(request: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (!hasCode(error, 'THROTTLED')) throw error;
    }
  }
}

/** A hundred strict commits, each where the log ends; prints offset and number of each. */
async function commitStrictly(store: LogStore): Promise<void> {
  for (let turn = 0; turn < 100; ) {
    const mine = number * 1000 + turn;
    const head = (await insist(() => readHead(store, partition)))!;
    const args = commitArgs(mine, { form: 'strict', known: head.next, tailEntriesCap: 1000 });
    const answer = await insist(() => store.heads.commit(partition, args));
    if (answer.outcome === 'refused') continue;
    process.stdout.write(`${head.next} ${mine}\n`);
    turn++;
  }
}

/** Offers the same two hundred chunks and objects as every other process; prints which it won. */
async function putAll(store: LogStore): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    const chunk = chunkAt(BigInt(turn), { count: number, entries: [entryNumbered(number)] });
    const answer = await insist(() => store.chunks.put(partition, chunk));
    const outcome = await store.objects.put(`${topicId}/${turn % 10}/${turn}`, new Uint8Array(5000).fill(number));
    process.stdout.write(`${turn} ${answer.outcome} ${outcome}\n`);
  }
}

/** Produces until it is killed: an object, a commit, now and then a roll; prints each offset once it is acknowledged. */
async function produce(store: LogStore): Promise<void> {
  let { next } = (await readHead(store, partition))!;
  for (let turn = number; ; turn++) {
    await store.objects.put(`${topicId}/${turn % 10}/${turn}`, new Uint8Array(3000).fill(turn));
    const answer = await store.heads.commit(partition, commitArgs(turn, { known: next }));
    if (answer.outcome === 'refused') throw new TypeError(`commit ${turn} was refused`);
    process.stdout.write(`${answer.next - 1n} ${turn}\n`);
    next = answer.next;
    if (answer.tail.length >= 16) await rollTail(store, partition, (await readHead(store, partition))!);
  }
}

/** Puts small objects and removes some of its own and of others until it is killed; prints each key when it was put, before it is removed, and when it was. */
async function putAndRemove(): Promise<void> {
  const { objects } = await openObjects(directory, SMALL_PACKS);
  for (let turn = number; ; turn++) {
    const key = `k/${(turn * 7919) % 10_007}/${turn}`;
    if ((await insist(() => objects.put(key, smallObject(key)))) === 'created') process.stdout.write(`put ${key}\n`);
    const listed = await objects.list('k/', `k/${(turn * 31) % 10_007}`, 20);
    const keys = listed.map((one) => one.key).filter((_, index) => index % 7 === turn % 7);
    for (const removed of keys) process.stdout.write(`removing ${removed}\n`);
    await insist(() => objects.remove(keys));
    for (const removed of keys) process.stdout.write(`removed ${removed}\n`);
  }
}

const store = await openFileStore({ directory, clock });
process.stdout.write(`open ${idNumbered(number)}\n`);
// All processes open the store before the first begins.
await new Promise((resolve) => process.stdin.once('data', resolve));
if (mode === 'strict') await commitStrictly(store);
else if (mode === 'put') await putAll(store);
else if (mode === 'objects') await putAndRemove();
else if (mode === 'produce') await produce(store);
await store.close();
process.exit(0);

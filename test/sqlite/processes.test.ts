import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import type { LogStore } from '../../lib/log/log-store.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { openFileStore } from '../../lib/sqlite/sqlite-store.ts';
import { entryNumbered, freshPartition, readHead } from '../log/contract/fresh.ts';
import { openObjects } from './open-objects.ts';
import { SMALL_PACKS, smallObject } from './small-objects.ts';
import { temporaryDirectories } from './temporary-directory.ts';

const temporaryDirectory = temporaryDirectories();
const children: ChildProcess[] = [];
const stores: LogStore[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const store of stores.splice(0)) await store.close();
});

async function openStore(directory: string): Promise<LogStore> {
  const store = await openFileStore({ directory, clock });
  stores.push(store);
  return store;
}

interface Running {
  readonly child: ChildProcess;
  /** What it printed so far, without the first line. */
  readonly lines: string[];
  readonly opened: Promise<void>;
  readonly ended: Promise<void>;
}

function start(mode: string, directory: string, topicId: string, number: number): Running {
  const script = new URL('./child.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, mode, directory, topicId, String(number)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout! });
  const opened = new Promise<void>((resolve) => {
    output.once('line', () => {
      output.on('line', (line) => lines.push(line));
      resolve();
    });
  });
  const ended = new Promise<void>((resolve, reject) => {
    // Both streams have ended by then.
    child.once('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve();
      else reject(new TypeError(`the process ended with ${code ?? signal}`));
    });
  });
  return { child, lines, opened, ended };
}

/** Runs several at once, from the moment when all have opened the store. */
async function together(running: readonly Running[]): Promise<void> {
  await Promise.all(running.map(({ opened }) => opened));
  for (const { child } of running) child.stdin!.write('go\n');
  await Promise.all(running.map(({ ended }) => ended));
}

/** All entries of a partition in order, from its chunks and its tail. */
async function allEntries(store: LogStore, partition: PartitionKey): Promise<readonly Uint8Array[]> {
  const head = (await readHead(store, partition))!;
  const entries: Uint8Array[] = [];
  for (let next = 0n; next < head.tailBase; ) {
    const range = { fromBase: next, toBase: next, order: 'ascending', limit: 1, consistent: true } as const;
    const [chunk] = await store.chunks.query(partition, range);
    expect(chunk).toBeDefined();
    entries.push(...chunk!.entries);
    next = chunk!.end;
  }
  return [...entries, ...head.tail];
}

describe('two processes on one file store', () => {
  it('make it at the same moment', async () => {
    const directory = temporaryDirectory();
    const topicId = randomUUID();
    await together([1, 2, 3].map((number) => start('none', directory, topicId, number)));
    await expect(openStore(directory).then((store) => store.topics.list(null, 1))).resolves.toEqual([]);
  });

  it('commit to one head, each at offsets of its own', async () => {
    const directory = temporaryDirectory();
    const store = await openStore(directory);
    const partition = await freshPartition(store);
    const running = [1, 2].map((number) => start('strict', directory, partition.topicId, number));
    await together(running);
    const acknowledged = running.flatMap(({ lines }) => lines.map((line) => line.split(' ').map(Number)));
    const head = (await readHead(store, partition))!;
    expect(head.next).toBe(200n);
    expect(acknowledged.map(([offset]) => offset).sort((a, b) => a! - b!)).toEqual(
      Array.from({ length: 200 }, (_, index) => index),
    );
    for (const [offset, number] of acknowledged) expect(head.tail[offset!]).toEqual(entryNumbered(number!));
  });

  it('put the same chunks and objects, and each has one winner', async () => {
    const directory = temporaryDirectory();
    const store = await openStore(directory);
    const partition = await freshPartition(store);
    const running = [1, 2].map((number) => start('put', directory, partition.topicId, number));
    await together(running);
    const chunks = await store.chunks.query(partition, { order: 'ascending', limit: 1000, consistent: true });
    expect(chunks).toHaveLength(200);
    for (let turn = 0; turn < 200; turn++) {
      const outcomes = running.map(({ lines }) => lines[turn]!.split(' '));
      const chunkWinner = outcomes.findIndex(([, chunk]) => chunk === 'done') + 1;
      const objectWinner = outcomes.findIndex(([, , object]) => object === 'created') + 1;
      expect(outcomes.map(([, chunk]) => chunk).sort()).toEqual(['done', 'refused']);
      expect(outcomes.map(([, , object]) => object).sort()).toEqual(['created', 'exists']);
      expect(chunks[turn]!.count).toBe(chunkWinner);
      const bytes = await store.objects.get(`${partition.topicId}/${turn % 10}/${turn}`, 0, 10_000);
      expect(bytes).toEqual(new Uint8Array(5000).fill(objectWinner));
    }
  });
});

/** Ends a process by SIGKILL once it has printed so many lines. */
async function killAfter({ child, lines, ended }: Running, lineCount: number): Promise<void> {
  const timer = setInterval(() => {
    if (lines.length < lineCount && child.exitCode === null) return;
    clearInterval(timer);
    child.kill('SIGKILL');
  }, 1);
  await ended;
}

describe('a process that is killed', () => {
  it('leaves everything that it acknowledged, and nothing half done', async () => {
    const directory = temporaryDirectory();
    const partition = await freshPartition(await openStore(directory));
    const acknowledged = new Map<number, number>();
    for (let round = 1; round <= 5; round++) {
      const running = start('produce', directory, partition.topicId, round * 100_000);
      await running.opened;
      running.child.stdin!.write('go\n');
      await killAfter(running, randomInt(5, 150));
      for (const line of running.lines) {
        const [offset, number] = line.split(' ').map(Number);
        acknowledged.set(offset!, number!);
      }
    }
    const store = await openStore(directory);
    const entries = await allEntries(store, partition);
    const head = (await readHead(store, partition))!;
    expect(entries).toHaveLength(Number(head.next));
    // A process that is killed between a commit and its line has acknowledged one entry less.
    expect(entries.length - acknowledged.size).toBeLessThanOrEqual(5);
    expect(acknowledged.size).toBeGreaterThan(25);
    for (const [offset, number] of acknowledged) {
      expect(entries[offset]).toEqual(entryNumbered(number));
      const bytes = await store.objects.get(`${partition.topicId}/${number % 10}/${number}`, 0, 10_000);
      expect(bytes).toEqual(new Uint8Array(3000).fill(number));
    }
  }, 120_000);

  it('leaves every object that was put and not removed, as another does that shares the packs', async () => {
    const directory = temporaryDirectory();
    await (await openStore(directory)).close();
    const [put, removing, removed] = [new Set<string>(), new Set<string>(), new Set<string>()];
    for (let round = 1; round <= 4; round++) {
      const running = [1, 2].map((one) => start('objects', directory, randomUUID(), round * 100_000 + one * 10_000));
      await Promise.all(running.map(({ opened }) => opened));
      for (const { child } of running) child.stdin!.write('go\n');
      await Promise.all(running.map((one) => killAfter(one, randomInt(200, 800))));
      for (const line of running.flatMap(({ lines }) => lines)) {
        const [what, key] = line.split(' ') as [string, string | undefined];
        // A line is written at once: a kill leaves whole ones.
        if (key !== undefined) ({ put, removing, removed })[what as 'put']?.add(key);
      }
    }
    const { objects } = await openObjects(directory, SMALL_PACKS);
    expect(put.size).toBeGreaterThan(100);
    expect(removed.size).toBeGreaterThan(100);
    for (const key of put) {
      const bytes = await objects.get(key, 0, 10_000);
      if (!removing.has(key)) expect(bytes).toEqual(smallObject(key));
      if (removed.has(key)) expect(bytes).toBeNull();
    }
    const listed: string[] = [];
    for (let page = await objects.list('', null, 1000); page.length > 0; ) {
      for (const { key } of page) {
        listed.push(key);
        expect(await objects.get(key, 0, 10_000)).toEqual(smallObject(key));
      }
      page = await objects.list('', listed.at(-1)!, 1000);
    }
    expect(listed.filter((key) => removed.has(key))).toEqual([]);
    objects.close();
  }, 120_000);
});

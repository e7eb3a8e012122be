/**
 * Checkpoints of SQLite's write-ahead logs in a thread of their own. Each waits for the disk, twice, some ten milliseconds in which the thread that writes could answer nobody; by itself SQLite has the writer do it once in a thousand pages.
 *
 * Always true: the log has a bound. Where the other thread does not keep up, or cannot be had, the writer does it, as if there were none. Source: SQLite, "Write-Ahead Logging", 3.1 and 6.
 */
import type { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';

/** A database that is written to. */
export interface WrittenDatabase {
  /** The writer's. */
  readonly database: DatabaseSync;
  readonly path: string;
}

/** Transactions between two checkpoints. The thread begins with the first: who writes less needs none. */
export const TRANSACTIONS_BETWEEN = 500;
/** Pages of the log at which the writer does it itself, 64 MiB: while it writes without a pause the log cannot be begun anew by another. */
export const PAGES_MOST = 16_384;
/** SQLite's default. */
const PAGES_ALONE = 1_000;

/** It reads nothing but this, wherever a bundler has put the rest. PASSIVE: it waits for nobody, and nobody for it. */
const SCRIPT = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { DatabaseSync } = require('node:sqlite');
  const databases = workerData.map((path) => new DatabaseSync(path));
  const checkpoints = databases.map((database) => database.prepare('PRAGMA wal_checkpoint(PASSIVE)'));
  parentPort.on('message', (message) => {
    if (message === 'checkpoint') {
      for (const checkpoint of checkpoints) checkpoint.all();
      parentPort.postMessage('done');
    } else {
      for (const database of databases) database.close();
      parentPort.close();
    }
  });
`;
/** Node's own part of a thread needs most of it. */
const RESOURCES = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 };

/** See the module comment. */
export class Checkpoints {
  readonly #databases: readonly WrittenDatabase[];
  #worker: Worker | null = null;
  #transactionCount = 0;
  #isUnderWay = false;
  /** It cannot be had, or is not wanted any more. */
  #isOver = false;

  constructor(databases: readonly WrittenDatabase[]) {
    this.#databases = databases;
  }

  /** To be called after each transaction that has written. */
  wrote(): void {
    this.#transactionCount += 1;
    if (this.#isUnderWay || this.#isOver || this.#transactionCount < TRANSACTIONS_BETWEEN) return;
    this.#transactionCount = 0;
    this.#isUnderWay = true;
    this.#worker ??= this.#begin();
    this.#worker.postMessage('checkpoint');
  }

  /** Ends the thread, if there is one. To be called after the writer's databases were closed: the last to close one empties its log, and that waits for the disk too. */
  async close(): Promise<void> {
    this.#isOver = true;
    const worker = this.#worker;
    if (worker === null) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    worker.postMessage('end');
    await ended;
  }

  #begin(): Worker {
    const options = { eval: true, workerData: this.#databases.map(({ path }) => path), execArgv: ['--no-warnings'] };
    const worker = new Worker(SCRIPT, { ...options, resourceLimits: RESOURCES });
    worker.unref();
    worker.on('message', () => {
      this.#isUnderWay = false;
      this.#limitWriter(PAGES_MOST);
    });
    worker.on('error', () => this.#limitWriter(PAGES_ALONE));
    worker.on('exit', () => {
      this.#worker = null;
      this.#limitWriter(PAGES_ALONE);
      this.#isOver = true;
    });
    return worker;
  }

  #limitWriter(pages: number): void {
    if (this.#isOver) return;
    for (const { database } of this.#databases) database.exec(`PRAGMA wal_autocheckpoint = ${pages}`);
  }
}

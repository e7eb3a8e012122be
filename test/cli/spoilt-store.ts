/** A file store of which something can be spoilt behind Millrace's back, and what verify says of it. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import type { Item } from '../../lib/log/item.ts';
import { decodeItem, encodeItem } from '../../lib/sqlite/item-codec.ts';
import type { CliStage } from './cli-stage.ts';
import { StoredObjects } from './stored-objects.ts';

/** A damage as verify tells it. */
export interface Place {
  readonly partition: number;
  readonly from: number;
  readonly end: number;
  readonly code: string;
  readonly object: string | null;
  readonly message: string;
}

/** See the top of this file. */
export class Spoilt {
  readonly stage: CliStage;
  readonly directory: string;
  readonly objects: StoredObjects;

  constructor(stage: CliStage) {
    this.stage = stage;
    this.directory = join(stage.directory, 'store');
    this.objects = new StoredObjects(this.directory);
  }

  /** Puts other bytes in the place of those of the object that was written as the one of this index. */
  async object(index: number, change: (bytes: Uint8Array) => Uint8Array): Promise<void> {
    return this.objects.change((await this.objects.keys())[index]!, change);
  }

  /** Removes those of the objects that were written from the one of this index to before the other. */
  async loseObjects(from: number, end: number): Promise<void> {
    return this.objects.remove((await this.objects.keys()).slice(from, end));
  }

  /** Changes the raw rows of a topic's only partition: all whose sort key begins so, or the one of this index. */
  rows(topic: string, sk: string, change: (bytes: Uint8Array, index: number) => Uint8Array | null): void {
    const database = this.#open();
    const pk = this.#pk(database, topic);
    const found = database.prepare('SELECT sk, value FROM items WHERE pk = ? AND sk LIKE ? ORDER BY sk');
    for (const [index, row] of found.all(pk, `${sk}%`).entries()) {
      const changed = change(row.value as Uint8Array, index);
      if (changed === null) database.prepare('DELETE FROM items WHERE pk = ? AND sk = ?').run(pk, row.sk!);
      else database.prepare('UPDATE items SET value = ? WHERE pk = ? AND sk = ?').run(changed, pk, row.sk!);
    }
    database.close();
  }

  item(topic: string, sk: string, change: (item: Item) => Item, at = 0): void {
    this.rows(topic, sk, (bytes, index) => (index === at ? encodeItem(change(decodeItem(bytes))) : bytes));
  }

  /** Changes the raw item of a topic. */
  topic(name: string, change: (bytes: Uint8Array) => Uint8Array): void {
    const database = this.#open();
    const { value } = database.prepare('SELECT value FROM items WHERE pk = ? AND sk = ?').get(`T#${name}`, 'TOPIC')!;
    const update = database.prepare('UPDATE items SET value = ? WHERE pk = ? AND sk = ?');
    update.run(change(value as Uint8Array), `T#${name}`, 'TOPIC');
    database.close();
  }

  insert(topic: string, sk: string, item: Item): void {
    const database = this.#open();
    database.prepare('INSERT INTO items VALUES (?, ?, ?)').run(this.#pk(database, topic), sk, encodeItem(item));
    database.close();
  }

  #open(): DatabaseSync {
    return new DatabaseSync(join(this.directory, 'log.sqlite'));
  }

  #pk(database: DatabaseSync, topic: string): string {
    const { value } = database.prepare('SELECT value FROM items WHERE pk = ? AND sk = ?').get(`T#${topic}`, 'TOPIC')!;
    return `P#${decodeItem(value as Uint8Array).topicId as string}#0`;
  }

  async damages(...args: readonly string[]): Promise<readonly Place[]> {
    const { status, output } = await this.stage.run(['verify', '--json', ...args]);
    const { topics } = JSON.parse(output) as {
      topics: { partitions: { partition: number; damages: Record<string, never>[] }[] }[];
    };
    const found = topics.flatMap(({ partitions }) =>
      partitions.flatMap(({ partition, damages }) =>
        damages.map(({ fromOffset, endOffset, ...rest }) => ({
          partition,
          from: Number(fromOffset),
          end: Number(endOffset),
          ...(rest as unknown as Pick<Place, 'code' | 'object' | 'message'>),
        })),
      ),
    );
    expect(status).toBe(found.length > 0 ? 1 : 0);
    return found;
  }
}

/**
 * The index of what stands in packs, `objects.sqlite`.
 *
 * | table | columns | |
 * |---|---|---|
 * | meta | name, value | one row: `format`, the version of the layout |
 * | packs | id, objects, bytes, known | a row for each pack, with the count of objects that are left in it, their sizes, and the position behind the last one that was ever named in it; the count is -1 when it is given up and its file goes; an id is given once |
 * | packed | key, pack, position, size | where each object is |
 *
 * Always true: nobody adds to a pack that has no row or is given up, one is given up only when no row of `packed` names it, and its row goes after its file.
 * A row of `packed` names bytes that were whole before it was written.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ObjectSummary } from '../log/object-store.ts';
import { compareUtf8 } from '../log/transactional/compare-utf8.ts';
import type { DatabaseLayout } from './open-database.ts';
import type { PackedObject } from './pack-format.ts';
import { SqliteTransactions } from './sqlite-transactions.ts';

/** See the module comment. */
export const INDEX_LAYOUT: DatabaseLayout = {
  format: 1,
  tables: `
    CREATE TABLE IF NOT EXISTS packs (
      id INTEGER PRIMARY KEY AUTOINCREMENT, objects INTEGER NOT NULL, bytes INTEGER NOT NULL, known INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS packed (
      key TEXT NOT NULL PRIMARY KEY, pack INTEGER NOT NULL, position INTEGER NOT NULL, size INTEGER NOT NULL
    ) WITHOUT ROWID;
  `,
};

/** Where an object is. */
export interface PackPlace {
  readonly pack: number;
  readonly position: number;
  readonly sizeBytes: number;
}

/** What is left in a pack. */
export interface PackUse {
  readonly pack: number;
  readonly objectCount: number;
  readonly byteCount: number;
  /** Up to where the file holds nothing that was not named once. */
  readonly knownBytes: number;
}

interface PackedRow {
  readonly key: string;
  readonly pack: number;
  readonly position: number;
  readonly size: number;
}

/** See the module comment. */
export class ObjectIndex {
  readonly #database: DatabaseSync;
  readonly #transactions: SqliteTransactions;
  readonly #find: StatementSync;
  readonly #from: StatementSync;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #move: StatementSync;
  readonly #newPack: StatementSync;
  readonly #adoptPack: StatementSync;
  readonly #restorePacks: StatementSync;
  readonly #use: StatementSync;
  readonly #usage: StatementSync;
  readonly #giveUpPack: StatementSync;
  readonly #deletePack: StatementSync;
  readonly #packs: StatementSync;
  readonly #wrote: () => void;

  constructor(options: { readonly database: DatabaseSync; readonly path: string; readonly onWritten?: () => void }) {
    const { database, onWritten = () => {} } = options;
    this.#database = database;
    this.#transactions = new SqliteTransactions(options);
    this.#wrote = onWritten;
    this.#find = database.prepare('SELECT pack, position, size FROM packed WHERE key = ?');
    this.#from = database.prepare('SELECT key, size FROM packed WHERE key >= ? ORDER BY key');
    this.#insert = database.prepare('INSERT OR IGNORE INTO packed (key, pack, position, size) VALUES (?, ?, ?, ?)');
    this.#delete = database.prepare('DELETE FROM packed WHERE key = ?');
    this.#move = database.prepare(
      'UPDATE packed SET pack = ?, position = ? WHERE key = ? AND pack = ? AND position = ?',
    );
    this.#newPack = database.prepare('INSERT INTO packs (objects, bytes, known) VALUES (0, 0, 0)');
    this.#adoptPack = database.prepare('INSERT OR IGNORE INTO packs (id, objects, bytes, known) VALUES (?, 0, 0, 0)');
    this.#restorePacks = database.prepare(`
      INSERT INTO packs (id, objects, bytes, known)
      SELECT pack, count(*), sum(size), max(position + size) FROM packed WHERE pack NOT IN (SELECT id FROM packs) GROUP BY pack
    `);
    this.#use = database.prepare(
      'UPDATE packs SET objects = objects + ?, bytes = bytes + ?, known = max(known, ?) WHERE id = ? AND objects >= 0',
    );
    this.#usage = database.prepare('SELECT id, objects, bytes, known FROM packs WHERE id = ?');
    this.#deletePack = database.prepare('DELETE FROM packs WHERE id = ? AND objects < 0');
    this.#giveUpPack = database.prepare('UPDATE packs SET objects = -1 WHERE id = ? AND objects <= 0');
    this.#packs = database.prepare('SELECT id, objects, bytes, known FROM packs');
  }

  /** Runs `body` while nobody else writes to the index, this process or another: all that it changes is there together, or nothing. */
  write<T>(body: () => T): T {
    const result = this.#transactions.write(body);
    this.#wrote();
    return result;
  }

  find(key: string): PackPlace | null {
    const row = this.#find.get(key) as Omit<PackedRow, 'key'> | undefined;
    return row ? { pack: row.pack, position: row.position, sizeBytes: row.size } : null;
  }

  /** In the order of the keys' bytes. */
  list(prefix: string, after: string | null, limit: number): readonly ObjectSummary[] {
    const found: ObjectSummary[] = [];
    if (limit <= 0) return found;
    const from = after !== null && compareUtf8(after, prefix) > 0 ? after : prefix;
    for (const { key, size } of this.#from.iterate(from) as Iterable<PackedRow>) {
      if (!key.startsWith(prefix)) break;
      if (key === after) continue;
      found.push({ key, sizeBytes: size });
      if (found.length === limit) break;
    }
    return found;
  }

  /** Names an object IF there is none of this key and the pack has not been given up. Within `write`. */
  add({ key, position, sizeBytes }: PackedObject, pack: number): 'created' | 'exists' | 'no-pack' {
    if (!this.#gained({ pack, position, sizeBytes })) return 'no-pack';
    if (this.#insert.run(key, pack, position, sizeBytes).changes === 1) return 'created';
    this.#lost(pack, sizeBytes);
    return 'exists';
  }

  /** Forgets an object and returns where it was. Within `write`. */
  remove(key: string): PackPlace | null {
    const place = this.find(key);
    if (place === null) return null;
    this.#delete.run(key);
    this.#lost(place.pack, place.sizeBytes);
    return place;
  }

  /** Names an object at another place IF it is where it was and the other pack has not been given up. Within `write`. */
  move({ key, position, sizeBytes }: PackedObject, from: number, to: Omit<PackPlace, 'sizeBytes'>): void {
    if (!this.#gained({ ...to, sizeBytes })) return;
    const hasMoved = this.#move.run(to.pack, to.position, key, from, position).changes === 1;
    this.#lost(hasMoved ? from : to.pack, sizeBytes);
  }

  /** The id of a pack that nobody has had. */
  newPack(): number {
    return this.write(() => Number(this.#newPack.run().lastInsertRowid));
  }

  /** Takes back the id of a pack that could not be begun. */
  abandonPack(pack: number): void {
    this.write(() => {
      if (this.giveUpPack(pack)) this.removePack(pack);
    });
  }

  /** Makes a row for a pack that has none. Within `write`. */
  adoptPack(pack: number): void {
    this.#adoptPack.run(pack);
  }

  /** Makes the rows of packs that are named and have none, which is damage. Within `write`. */
  restorePacks(): void {
    this.#restorePacks.run();
  }

  usage(pack: number): PackUse | null {
    const row = this.#usage.get(pack);
    return row === undefined ? null : packUse(row);
  }

  /** Gives up a pack IF nothing is left in it: who adds to it begins another one. Whether it is given up. Within `write`. */
  giveUpPack(pack: number): boolean {
    return this.#giveUpPack.run(pack).changes === 1;
  }

  /** Forgets a pack that is given up and has no file any more. Within `write`. */
  removePack(pack: number): void {
    this.#deletePack.run(pack);
  }

  /** All there are. */
  packs(): readonly PackUse[] {
    return this.#packs.all().map(packUse);
  }

  /** False when the pack has been given up. */
  #gained({ pack, position, sizeBytes }: PackPlace): boolean {
    return this.#use.run(1, sizeBytes, position + sizeBytes, pack).changes === 1;
  }

  #lost(pack: number, sizeBytes: number): void {
    this.#use.run(-1, -sizeBytes, 0, pack);
  }

  /** Later calls throw. */
  close(): void {
    this.#transactions.close();
    this.#database.close();
  }
}

function packUse(row: Record<string, unknown>): PackUse {
  const { id, objects, bytes, known } = row as Record<'id' | 'objects' | 'bytes' | 'known', number>;
  return { pack: id, objectCount: objects, byteCount: bytes, knownBytes: known };
}

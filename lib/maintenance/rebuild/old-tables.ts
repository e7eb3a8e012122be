/** What tables that were saved before a disaster say of a partition: a table that was restored to some moment, or a copy of the file that held it. They are only read. */
import type { Chunk } from '../../log/chunk.ts';
import { chunkPages } from '../../log/chunk-pages.ts';
import type { Chunks } from '../../log/chunks.ts';
import { entryRecordCount } from '../../log/entry.ts';
import type { Head } from '../../log/head.ts';
import type { Heads } from '../../log/heads.ts';
import { mapInParallel } from '../../log/in-parallel.ts';
import type { PartitionKey } from '../../log/partition-key.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import type { Topics } from '../../log/topics.ts';
import { idTimeMs, type SegmentId } from '../../segment/segment-id.ts';
import { segmentKey } from '../../segment/segment-key.ts';
import type { MaintenanceDeps } from '../maintenance-deps.ts';
import { type OldChunk, type OldItem, oldChunk } from './rebuild-plan.ts';

/** The ports that are read. */
export interface OldTables {
  readonly topics: Pick<Topics, 'get' | 'list'>;
  readonly heads: Pick<Heads, 'read'>;
  readonly chunks: Chunks;
}

/** Objects whose presence is remembered. */
const KEPT = 10_000;
const PARALLEL = 16;

/** Reads one partition, in the order of its offsets. Use `open`. */
export class OldPartition {
  readonly head: Head;
  readonly #deps: MaintenanceDeps;
  readonly #domain: string;
  readonly #pages: AsyncGenerator<readonly Chunk[]>;
  readonly #present = new Map<SegmentId, Promise<boolean>>();
  #buffer: OldItem[] = [];
  #isTailTaken = false;
  #newestId: SegmentId;

  private constructor(deps: MaintenanceDeps, domain: string, head: Head, pages: AsyncGenerator<readonly Chunk[]>) {
    this.#deps = deps;
    this.#domain = domain;
    this.head = head;
    this.#pages = pages;
    this.#newestId = head.floor;
  }

  /** Null: they have no head of it. */
  static async open(
    deps: MaintenanceDeps,
    tables: OldTables,
    { key, domain }: { readonly key: PartitionKey; readonly domain: string },
  ): Promise<OldPartition | null> {
    const { answer: head } = await repeatRequest(deps, () => tables.heads.read(key, { consistent: true }));
    if (head === null) return null;
    const { clock, random } = deps;
    const toBase = head.tailBase - 1n;
    const reading = { store: { chunks: tables.chunks }, clock, random };
    return new OldPartition(deps, domain, head, chunkPages(reading, key, { toBase, order: 'ascending' }));
  }

  /** A time at which the tables were there still, ms since 1970; known when all was read. */
  get atMs(): number {
    return idTimeMs(this.#newestId);
  }

  /** The next chunks that begin below an offset, a page at most; of all that is left where that is null, in the end the tail. Null: there are no more. Without entries whose objects are gone, or that lie below the log start offset. */
  async next(below: bigint | null): Promise<readonly OldChunk[] | null> {
    if (this.#buffer.length === 0) {
      const { value, done } = await this.#pages.next();
      this.#buffer = done === true ? this.#tail() : [...value];
    }
    const count = this.#buffer.findIndex(({ base }) => below !== null && base >= below);
    const page = this.#buffer.splice(0, count < 0 ? this.#buffer.length : count);
    if (page.length === 0) return null;
    const chunks = page.map(oldChunk).filter(({ end }) => end > this.head.start);
    return mapInParallel(chunks, PARALLEL, (chunk) => this.#withoutMissing(chunk));
  }

  /** Entry by entry: regions that begin between two of them are known only as far as was asked for. */
  #tail(): OldItem[] {
    const { tailBase, tail } = this.head;
    if (this.#isTailTaken) return [];
    this.#isTailTaken = true;
    let base = tailBase;
    return tail.map((bytes) => {
      const from = base;
      base += BigInt(entryRecordCount(bytes));
      return { base: from, end: base, level: 0, version: 0, entries: [bytes], isTail: true };
    });
  }

  async #withoutMissing(chunk: OldChunk): Promise<OldChunk> {
    for (const { entry } of chunk.entries) if (entry.id > this.#newestId) this.#newestId = entry.id;
    if (chunk.level === 1) return chunk;
    const { start } = this.head;
    const isThere = await mapInParallel(chunk.entries, PARALLEL, async ({ end, entry }) => {
      if (end <= start) return false;
      return entry.kind === 'inline' || this.#has(entry.id);
    });
    return { ...chunk, entries: chunk.entries.filter((_, index) => isThere[index]) };
  }

  #has(id: SegmentId): Promise<boolean> {
    const { prefix, objects } = this.#deps.store;
    const key = segmentKey({ prefix, domain: this.#domain, level: 0, id });
    const look = async () => (await repeatRequest(this.#deps, () => objects.size(key))).answer !== null;
    const present = this.#present.get(id) ?? look();
    this.#present.set(id, present);
    if (this.#present.size > KEPT) this.#present.delete(this.#present.keys().next().value!);
    return present;
  }
}

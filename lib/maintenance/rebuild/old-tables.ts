/** What tables that were saved before a disaster say of a partition: a table that was restored to some moment, or a copy of the file that held it. They are only read. */
import type { MillraceError } from '../../errors.ts';
import { type Chunk, MAX_OFFSET } from '../../log/chunk.ts';
import type { Chunks } from '../../log/chunks.ts';
import type { Head } from '../../log/head.ts';
import type { Heads } from '../../log/heads.ts';
import { mapInParallel } from '../../log/in-parallel.ts';
import type { PartitionKey } from '../../log/partition-key.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import type { Topics } from '../../log/topics.ts';
import { idTimeMs, type SegmentId, ZERO_ID } from '../../segment/segment-id.ts';
import { segmentKey } from '../../segment/segment-key.ts';
import type { MaintenanceDeps } from '../maintenance-deps.ts';
import { readOrDamage } from '../read-or-damage.ts';
import type { OnDamagedItem } from './damaged.ts';
import { readableChunks } from './readable-chunks.ts';
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

/** What is opened. */
export interface OldPartitionRequest {
  readonly key: PartitionKey;
  readonly domain: string;
  /** The topic, as people know it. */
  readonly topic: string;
  readonly onDamage: OnDamagedItem;
}

/** Reads one partition, in the order of its offsets. What is damaged is told, and left out. Use `open`. */
export class OldPartition {
  readonly #deps: MaintenanceDeps;
  readonly #request: OldPartitionRequest;
  /** Null: it is damaged. */
  readonly #head: Head | null;
  readonly #pages: AsyncGenerator<readonly Chunk[]>;
  readonly #present = new Map<SegmentId, Promise<boolean>>();
  #buffer: OldItem[] = [];
  #isTailTaken = false;
  #chunksEnd = 0n;
  #newestId: SegmentId;

  private constructor(deps: MaintenanceDeps, tables: OldTables, request: OldPartitionRequest, head: Head | null) {
    this.#deps = deps;
    this.#request = request;
    this.#head = head;
    this.#newestId = head?.floor ?? ZERO_ID;
    const { key: partition } = request;
    const onDamage = (base: bigint, error: MillraceError) => this.#tell(`the chunk at offset ${base}`, error);
    const toBase = head === null ? MAX_OFFSET : head.tailBase - 1n;
    this.#pages = readableChunks(deps, tables.chunks, { partition, toBase, onDamage });
  }

  /** Null: they have no head of it. A damaged head hides where the partition began, and its tail, but no chunks. */
  static async open(
    deps: MaintenanceDeps,
    tables: OldTables,
    request: OldPartitionRequest,
  ): Promise<OldPartition | null> {
    const read = await readOrDamage(deps, () => tables.heads.read(request.key, { consistent: true }));
    if ('answer' in read) return read.answer && new OldPartition(deps, tables, request, read.answer);
    const damaged = new OldPartition(deps, tables, request, null);
    damaged.#tell('the head', read.damage);
    return damaged;
  }

  /** Its first readable offset; 0 where that is not known. */
  get start(): bigint {
    return this.#head?.start ?? 0n;
  }

  /** The first offset behind all that they tell of it; known when all was read. */
  get end(): bigint {
    return this.#head?.next ?? this.#chunksEnd;
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
      if (done !== true) this.#chunksEnd = value.at(-1)!.end;
    }
    const count = this.#buffer.findIndex(({ base }) => below !== null && base >= below);
    const page = this.#buffer.splice(0, count < 0 ? this.#buffer.length : count);
    if (page.length === 0) return null;
    const chunks = page.map((item) => this.#read(item)).filter(({ end }) => end > this.start);
    return mapInParallel(chunks, PARALLEL, (chunk) => this.#withoutMissing(chunk));
  }

  #read(item: OldItem): OldChunk {
    const { chunk, damage } = oldChunk(item);
    if (damage !== null) this.#tell(`the entries from offset ${chunk.entries.at(-1)?.end ?? chunk.base} on`, damage);
    return chunk;
  }

  /** Entry by entry: regions that begin between two of them are known only as far as was asked for. */
  #tail(): OldItem[] {
    if (this.#isTailTaken || this.#head === null) return [];
    this.#isTailTaken = true;
    const { tailBase: base, next: end, tail } = this.#head;
    const { entries } = this.#read({ base, end, level: 0, version: 0, entries: tail, isTail: true });
    return entries.map((entry) => ({
      ...{ base: entry.base, end: entry.end, level: 0, version: 0 },
      ...{ entries: [entry.bytes], isTail: true },
    }));
  }

  #tell(what: string, error: MillraceError): void {
    const { topic, key } = this.#request;
    this.#request.onDamage(`${what} of ${topic}-${key.partition}`, error);
  }

  async #withoutMissing(chunk: OldChunk): Promise<OldChunk> {
    for (const { entry } of chunk.entries) if (entry.id > this.#newestId) this.#newestId = entry.id;
    if (chunk.level === 1) return chunk;
    const { start } = this;
    const isThere = await mapInParallel(chunk.entries, PARALLEL, async ({ end, entry }) => {
      if (end <= start) return false;
      return entry.kind === 'inline' || this.#has(entry.id);
    });
    return { ...chunk, entries: chunk.entries.filter((_, index) => isThere[index]) };
  }

  #has(id: SegmentId): Promise<boolean> {
    const { prefix, objects } = this.#deps.store;
    const key = segmentKey({ prefix, domain: this.#request.domain, level: 0, id });
    const look = async () => (await repeatRequest(this.#deps, () => objects.size(key))).answer !== null;
    const present = this.#present.get(id) ?? look();
    this.#present.set(id, present);
    if (this.#present.size > KEPT) this.#present.delete(this.#present.keys().next().value!);
    return present;
  }
}

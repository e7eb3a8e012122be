/**
 * Fetch: whole record batches from an offset on, as they are stored, with their offsets stamped. Who is at the end waits, and is woken by what this gateway appends.
 *
 * Fetch sessions (KIP-227) are refused the way a broker refuses them that has no room for more: clients go on with full requests.
 */
import { hasCode, type MillraceError } from '../errors.ts';
import type { FetchedPartition, FetchOptions, FetchTarget } from '../log/fetcher.ts';
import type { ReadMemory } from '../log/read-memory.ts';
import type { TopicRoute } from '../log/topic-directory.ts';
import { parseBatchHeader } from '../record/batch-header.ts';
import { cutBatches } from './cut-batches.ts';
import type { FetchRemainders } from './fetch-remainders.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { type Handler, type RequestContext, type Route, route } from './handler.ts';
import type { ReadStamp } from './head-watch.ts';
import { kafkaError } from './kafka-error.ts';
import { checkPartition, epochError } from './offset-handlers.ts';
import { errorCodes } from './protocol/error-codes.ts';
import { fetchApi } from './protocol/messages/log-messages.ts';
import type { RequestOf } from './protocol/schema.ts';

type FetchRequest = RequestOf<typeof fetchApi>;
type TopicAsked = FetchRequest['topics'][number];
type PartitionAsked = TopicAsked['partitions'][number];

/** More than this is never put into one answer: what a slow client does not take stays in memory. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** Nobody waits longer: a client that is gone without a word is noticed by then. */
const WAIT_MS_MAX = 300_000;
/** First version whose clients can be given zstd: KIP-110. */
const ZSTD_VERSION = 10;
const ZSTD = 4;
const COMPRESSION_MASK = 7;
const COMPRESSION_POSITION = 22;
const READ_COMMITTED = 1;

/** Of requests that name all that they want: the first of a session, and the one that ends it. None is opened, so others are of none. */
const FULL_EPOCHS: readonly number[] = [0, -1];

/** One partition of a request. */
interface Asked {
  readonly asked: PartitionAsked;
  readonly target: FetchTarget | null;
  readonly topic: TopicRoute | null;
  /** Why it is not read. */
  readonly errorCode: number;
}

/** What one look has brought. */
interface Look {
  readonly results: readonly PartitionResult[];
  readonly byteCount: number;
  readonly hasError: boolean;
  /** There is something, and more than there was room for: it is not waited for. */
  readonly isFull: boolean;
}

interface HowToLook {
  /** What is read goes there. */
  readonly memory: ReadMemory;
  /** A read that may be some seconds old may miss what woke it. */
  readonly isAgain: boolean;
}

interface PartitionResult {
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly logStartOffset: bigint;
  readonly batches: readonly Uint8Array[];
}

const FAILED = { highWatermark: -1n, logStartOffset: -1n, batches: [] } as const;

/** The route of this file. */
export function fetchRoute(deps: GatewayDeps, remainders: FetchRemainders): Route {
  return route(fetchApi, new FetchHandler(deps, remainders).handler);
}

class FetchHandler {
  readonly #deps: GatewayDeps;
  readonly #remainders: FetchRemainders;

  constructor(deps: GatewayDeps, remainders: FetchRemainders) {
    this.#deps = deps;
    this.#remainders = remainders;
  }

  readonly handler: Handler<typeof fetchApi> = async (request, context) => {
    if (!FULL_EPOCHS.includes(request.sessionEpoch)) return { errorCode: errorCodes.FETCH_SESSION_ID_NOT_FOUND };
    const asked = await this.#resolve(request.topics);
    const look = await this.#lookUntil(asked, request, context);
    const answers = look.results.map((result, index) => answerOf(asked[index]!, result, request, context));
    let next = 0;
    return {
      // They were asked in the order of their topics.
      responses: request.topics.map(({ topic, topicId, partitions: { length } }) => {
        const partitions = answers.slice(next, next + length);
        next += length;
        return { topic, topicId, partitions };
      }),
    };
  };

  async #lookUntil(asked: readonly Asked[], request: FetchRequest, context: RequestContext): Promise<Look> {
    const { clock, watch, answers } = this.#deps;
    const { closed } = context.connection;
    const deadlineMs = clock.monotonicMs() + Math.max(0, Math.min(request.maxWaitMs, WAIT_MS_MAX));
    // As in Kafka: more than an answer may hold is not waited for.
    const minBytes = Math.min(request.minBytes, answerBytesMax(request));
    for (let isAgain = false; ; isAgain = true) {
      const look = await this.#look(asked, request, { memory: context.memory, isAgain });
      const giveBack = answers.count(Math.max(look.byteCount, context.memory.byteCount));
      const leftMs = deadlineMs - clock.monotonicMs();
      const isEnough = asked.length === 0 || look.hasError || look.isFull || look.byteCount >= minBytes;
      // What is at hand is not kept for more to come while others wait for its memory.
      const isWanted = look.byteCount > 0 && answers.isScarce;
      if (isEnough || isWanted || leftMs <= 0 || closed.aborted) {
        giveBack();
        return look;
      }
      const awaited = asked.flatMap(({ target }, index) => {
        if (target === null) return [];
        const { batches, highWatermark } = look.results[index]!;
        // What is there already does not count as news.
        return [{ partition: target.partition, offset: batches.length > 0 ? highWatermark : target.offset }];
      });
      // What was read is read again, with what is new behind it.
      context.memory.giveBack();
      await watch.wait(awaited, leftMs, closed);
      giveBack();
    }
  }

  async #resolve(topics: readonly TopicAsked[]): Promise<readonly Asked[]> {
    const all = topics.flatMap((topic) => topic.partitions.map((asked) => this.#resolveOne(topic, asked)));
    return Promise.all(all);
  }

  async #resolveOne(named: TopicAsked, asked: PartitionAsked): Promise<Asked> {
    const refused = (errorCode: number) => ({ asked, target: null, topic: null, errorCode });
    try {
      const { topicId } = named;
      const topic = await this.#deps.topics.route({ name: named.topic, topicId }, asked.partition);
      checkPartition(topic, asked.partition);
      const stale = epochError(asked.currentLeaderEpoch);
      if (stale !== null) return refused(stale);
      const target: FetchTarget = {
        partition: { topicId: topic.topicId, partition: asked.partition },
        domain: topic.domain,
        offset: asked.fetchOffset,
        maxBytes: Math.max(1, asked.partitionMaxBytes),
      };
      return { asked, target, topic, errorCode: errorCodes.NONE };
    } catch (error) {
      this.#deps.news.failed(error);
      return refused(kafkaError(error).errorCode);
    }
  }

  /** Reads once. What is known to be at its end is not asked for. */
  async #look(asked: readonly Asked[], request: FetchRequest, { memory, isAgain }: HowToLook): Promise<Look> {
    const maxBytes = answerBytesMax(request);
    const results: PartitionResult[] = asked.map(({ errorCode }) => ({ ...FAILED, errorCode }));
    const pending: { readonly index: number; readonly target: FetchTarget }[] = [];
    for (const [index, { target }] of asked.entries()) {
      if (target === null) continue;
      const kept = this.#remainders.take(target) ?? this.#atEnd(target);
      if (kept) results[index] = { errorCode: errorCodes.NONE, ...kept };
      else pending.push({ index, target });
    }
    const atHand = results.reduce((sum, { batches }) => sum + bytesOf(batches), 0);
    if (pending.length > 0 && atHand < maxBytes) {
      const stamp = this.#deps.watch.stamp();
      const targets = pending.map(({ target }) => target);
      const options = { maxBytes: maxBytes - atHand, consistent: isAgain, memory };
      const fetched = await this.#read(targets, options);
      for (const [place, { index }] of pending.entries()) {
        results[index] = this.#resultOf(asked[index]!, fetched[place]!, stamp);
      }
    } else {
      // There is no room for more: their turn comes with the next request, since clients ask for what was left out first.
      for (const { index, target } of pending) results[index] = { errorCode: errorCodes.NONE, ...this.#unread(target) };
    }
    return this.#cut(asked, results, { maxBytes, memory });
  }

  /** Reads when there is memory for as much as may come. */
  async #read(targets: readonly FetchTarget[], options: FetchOptions) {
    const wantedBytes = targets.reduce((sum, { maxBytes }) => sum + maxBytes, 0);
    const { promise, resolve } = Promise.withResolvers<void>();
    const giveBack = this.#deps.answers.take(Math.min(options.maxBytes, wantedBytes), resolve);
    try {
      await promise;
      return await this.#deps.fetcher.fetch(targets, options);
    } finally {
      giveBack();
    }
  }

  #atEnd(target: FetchTarget): Omit<PartitionResult, 'errorCode'> | null {
    return this.#deps.watch.isAtEnd(target) ? { ...this.#unread(target), highWatermark: target.offset } : null;
  }

  /** A partition that was not looked at: nothing is said of its ends but what its reader knows. */
  #unread(target: FetchTarget): Omit<PartitionResult, 'errorCode'> {
    const ends = this.#remainders.endsOf(target.partition);
    return {
      highWatermark: ends?.highWatermark ?? target.offset,
      logStartOffset: ends?.logStartOffset ?? -1n,
      batches: [],
    };
  }

  #resultOf({ target, topic }: Asked, fetched: FetchedPartition, stamp: ReadStamp): PartitionResult {
    if (fetched.outcome === 'failed') return this.#failed(topic!, fetched.error);
    const { highWatermark, logStartOffset, batches } = fetched;
    this.#deps.watch.saw(target!.partition, highWatermark, stamp);
    this.#remainders.saw(target!.partition, { highWatermark, logStartOffset });
    return { errorCode: errorCodes.NONE, highWatermark, logStartOffset, batches };
  }

  #failed(topic: TopicRoute, error: MillraceError): PartitionResult {
    if (hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION')) this.#deps.topics.forget(topic);
    this.#deps.news.failed(error);
    return { ...FAILED, errorCode: kafkaError(error).errorCode };
  }

  /** Whole entries were read; what exceeds the answer is kept for the request that will ask for it. */
  #cut(
    asked: readonly Asked[],
    results: readonly PartitionResult[],
    { maxBytes, memory }: { readonly maxBytes: number; readonly memory: ReadMemory },
  ): Look {
    let byteCount = 0;
    const cut = results.map((result, index) => {
      if (result.batches.length === 0) return result;
      const { target } = asked[index]!;
      const room = { bytes: maxBytes - byteCount, ownBytes: target!.maxBytes, isFirst: byteCount === 0 };
      const { taken, left } = cutBatches(result.batches, room);
      // A client goes on behind what it was given, which is below the next batch where key compaction has left a gap.
      const offset = taken.length > 0 ? endOf(taken.at(-1)!) : target!.offset;
      // Memory of this answer is given back behind it, so that what is kept for another is copied.
      const kept = left.map((batch) => (memory.holds(batch) ? batch.slice() : batch));
      if (kept.length > 0) this.#remainders.keep({ ...target!, offset }, kept, result);
      byteCount += bytesOf(taken);
      return { ...result, batches: taken };
    });
    const hasMore = cut.some((result, index) => isCutShort(asked[index]!, result));
    const hasError = cut.some(({ errorCode }) => errorCode !== errorCodes.NONE);
    return { results: cut, byteCount, hasError, isFull: byteCount > 0 && hasMore };
  }
}

/** Whether there is more below the high watermark than is given. */
function isCutShort({ target }: Asked, { highWatermark, batches }: PartitionResult): boolean {
  if (target === null) return false;
  const last = batches.at(-1);
  if (last === undefined) return highWatermark > target.offset;
  return endOf(last) < highWatermark;
}

/** First offset behind a batch. */
function endOf(batch: Uint8Array): bigint {
  const { baseOffset, lastOffsetDelta } = parseBatchHeader(batch);
  return baseOffset + BigInt(lastOffsetDelta) + 1n;
}

function answerBytesMax({ maxBytes }: FetchRequest): number {
  return Math.max(1, Math.min(maxBytes, ANSWER_BYTES_MAX));
}

function bytesOf(batches: readonly Uint8Array[]): number {
  return batches.reduce((sum, { length }) => sum + length, 0);
}

function answerOf({ asked }: Asked, result: PartitionResult, request: FetchRequest, context: RequestContext) {
  const { highWatermark, logStartOffset, batches } = result;
  const isTooNew = context.apiVersion < ZSTD_VERSION && batches.some(isZstd);
  const errorCode = isTooNew ? errorCodes.UNSUPPORTED_COMPRESSION_TYPE : result.errorCode;
  return {
    partitionIndex: asked.partition,
    errorCode,
    highWatermark,
    // There are no open transactions.
    lastStableOffset: highWatermark,
    logStartOffset,
    abortedTransactions: request.isolationLevel === READ_COMMITTED ? [] : null,
    records: isTooNew ? [] : batches,
  };
}

function isZstd(batch: Uint8Array): boolean {
  return (batch[COMPRESSION_POSITION]! & COMPRESSION_MASK) === ZSTD;
}

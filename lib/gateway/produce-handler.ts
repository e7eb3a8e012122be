/**
 * Produce: batches are checked and handed to the appender as they are, all connections' to one appender, so that a flush carries them together.
 *
 * Always true: what is acknowledged is durable, and stands in its partition in the order in which its connection sent it.
 */
import { AWAKE, type Clock } from '../clock.ts';
import { asMillraceError, hasCode, MillraceError } from '../errors.ts';
import { appendTarget, type TopicRoute } from '../log/topic-directory.ts';
import { type BatchHeader, parseBatchHeader } from '../record/batch-header.ts';
import { AwaitedSequences } from './awaited-sequences.ts';
import { BatchTurns } from './batch-turns.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { type Handler, type Route, route } from './handler.ts';
import { kafkaError, unsupported } from './kafka-error.ts';
import { checkPartition } from './offset-handlers.ts';
import { checkBatch } from './produce-batch.ts';
import { errorCodes } from './protocol/error-codes.ts';
import { produceApi } from './protocol/messages/log-messages.ts';
import type { RequestOf } from './protocol/schema.ts';
import { ZERO_UUID } from './protocol/wire-reader.ts';

type TopicData = RequestOf<typeof produceApi>['topicData'][number];
type PartitionData = TopicData['partitionData'][number];

/** What a request says for all its batches. */
interface ProduceTerms {
  readonly apiVersion: number;
  readonly timeoutMs: number;
  /** See `RequestContext`. */
  readonly hold: () => () => void;
}

/** Where a batch goes. */
interface Destination {
  readonly topic: TopicRoute;
  readonly partition: number;
  /** As its client names the partition. */
  readonly place: string;
}

const ACKS_NONE = 0;
const ACKS_LEADER = 1;
const ACKS_ALL = -1;
/** An append is settled by then, or given up: nobody need be told earlier who waits that long. */
const SETTLED_MS = 30_000;
/** Nobody is told earlier that it takes too long: the store may just be about to answer. */
const TIMEOUT_MS_MIN = 1_000;
const NO_OFFSET = -1n;
const NO_TIME = -1n;

/** The route of this file. */
export function produceRoute(deps: GatewayDeps): Route {
  return route(produceApi, new ProduceHandler(deps).handler);
}

class ProduceHandler {
  readonly #deps: GatewayDeps;
  readonly #turns: BatchTurns;
  readonly #awaited: AwaitedSequences;

  constructor(deps: GatewayDeps) {
    this.#deps = deps;
    this.#turns = new BatchTurns(deps.clock);
    this.#awaited = new AwaitedSequences(deps.clock);
  }

  readonly handler: Handler<typeof produceApi> = async (request, { apiVersion, hold }) => {
    const { transactionalId, acks, timeoutMs, topicData } = request;
    const refusal = refusalOf(transactionalId, acks);
    const topics = topicData.map(async (topic) => {
      const partitions = topic.partitionData.map((data) =>
        refusal === null ? this.#produceTo(topic, data, { apiVersion, timeoutMs, hold }) : refused(data.index, refusal),
      );
      return { name: topic.name, topicId: topic.topicId, partitionResponses: await Promise.all(partitions) };
    });
    const responses = await Promise.all(topics);
    if (acks !== ACKS_NONE) return { responses };
    const failed = responses
      .flatMap(({ partitionResponses }) => partitionResponses)
      .find(({ error }) => error !== null);
    // There is no answer that could say so: Kafka closes the connection too, and the client asks for metadata.
    if (failed?.error) throw failed.error;
    return null;
  };

  async #produceTo(named: TopicData, { index, records }: PartitionData, terms: ProduceTerms) {
    const { topics } = this.#deps;
    const place = placeOf(named, index);
    let topic: TopicRoute | null = null;
    try {
      topic = this.#knownRoute(named, index) ?? (await topics.route(named, index));
      checkPartition(topic, index);
      return await this.#append({ topic, partition: index, place }, records, terms);
    } catch (error) {
      const isGone = topic !== null && hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION');
      if (isGone) topics.forget(topic!);
      this.#deps.news.failed(error);
      if (topic === null) this.#awaitAgain(place, headerOf(records), asMillraceError(error));
      return refused(index, asMillraceError(error));
    }
  }

  /** Without waiting, so that what comes first is appended first. */
  #knownRoute({ name, topicId }: TopicData, partition: number): TopicRoute | null {
    const { topics } = this.#deps;
    if (topicId === ZERO_UUID) return topics.peek(name, partition);
    const known = topics.nameOf(topicId);
    const topic = known === undefined ? null : topics.peek(known, partition);
    return topic?.topicId === topicId ? topic : null;
  }

  /** What may be appended later is not to be overtaken by what was sent behind it. */
  #awaitAgain(place: string, header: BatchHeader | null, error: MillraceError): void {
    const mayComeAgain = error.retriable || error.code === 'COMMIT_UNKNOWN';
    if (mayComeAgain && header !== null && header.producerId >= 0n) this.#awaited.refused(place, header);
  }

  async #append({ topic, partition, place }: Destination, records: Uint8Array | null, terms: ProduceTerms) {
    const { clock, appender, watch } = this.#deps;
    const target = appendTarget(topic, partition);
    // Checked and handed to the appender in one turn: what comes behind it is behind it there.
    const { batch, appended } = await this.#turns.run((spend) => {
      const checked = checkBatch(records, { config: topic.config, apiVersion: terms.apiVersion, clock, spend });
      const isSequenced = checked.header.producerId >= 0n;
      const missingSequence = isSequenced ? this.#awaited.missing(place, checked.header) : null;
      const onGivenUp = (error: MillraceError) => this.#awaitAgain(place, checked.header, error);
      const request = { target, batches: checked.bytes, isSequenced, missingSequence, onGivenUp };
      const letGo = terms.hold();
      const appending = appender.append(request);
      // Its bytes are looked at until it is settled, whenever the client is answered. Whoever waits for the turn learns of it later than it may fail.
      appending.then(letGo, letGo);
      return { batch: checked, appended: appending };
    });
    const { baseOffset } = await inTime(clock, appended, terms.timeoutMs);
    this.#awaited.appended(place, batch.header);
    watch.appended(target.partition, baseOffset + BigInt(batch.header.recordCount));
    return {
      index: partition,
      errorCode: errorCodes.NONE,
      errorMessage: null,
      baseOffset,
      logAppendTimeMs: batch.logAppendTimeMs ?? NO_TIME,
      error: null,
    };
  }
}

/** Of a partition, as its client names it. */
function placeOf({ name, topicId }: TopicData, partition: number): string {
  return `${topicId === ZERO_UUID ? name : topicId} ${partition}`;
}

function headerOf(records: Uint8Array | null): BatchHeader | null {
  try {
    return records === null ? null : parseBatchHeader(records);
  } catch {
    // It would be refused for that, too.
    return null;
  }
}

/** Gives up waiting when the client does: as with a broker whose replicas are slow, the records may be appended all the same. */
async function inTime<T>(clock: Clock, appended: Promise<T>, timeoutMs: number): Promise<T> {
  if (timeoutMs >= SETTLED_MS) return appended;
  const settled = new AbortController();
  const late = clock.sleep(Math.max(timeoutMs, TIMEOUT_MS_MIN), settled.signal).then(() => null);
  const result = await Promise.race([appended, late]).finally(() => settled.abort(AWAKE));
  if (result !== null) return result;
  throw new MillraceError('REQUEST_TIMED_OUT', `not acknowledged within the ${timeoutMs} ms that the client allows`, {
    value: timeoutMs,
    hint: 'The records may be appended: only an idempotent producer can send them again and have them once.',
  });
}

function refused(index: number, error: MillraceError) {
  return { index, ...kafkaError(error), baseOffset: NO_OFFSET, logAppendTimeMs: NO_TIME, error };
}

function refusalOf(transactionalId: string | null, acks: number): MillraceError | null {
  if (transactionalId !== null) {
    return unsupported('transactions are not supported', 'Produce without a transactional id.');
  }
  if (acks === ACKS_ALL || acks === ACKS_LEADER || acks === ACKS_NONE) return null;
  return unsupported(
    `acks cannot be ${acks}`,
    'Ask for -1 (all), 1 or 0; both of the former mean durable.',
    'INVALID_REQUIRED_ACKS',
  );
}

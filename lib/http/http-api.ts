/**
 * The HTTP API: producing and reading without a client of the log, for whoever speaks HTTP. Whoever serves it checks who asks.
 *
 * | request | |
 * |---|---|
 * | `POST /topics/TOPIC/records` | see `produce-request.ts` |
 * | `GET /topics/TOPIC/partitions/PARTITION/records?offset=…` | see `fetch-request.ts` |
 * | `GET /topics/TOPIC/partitions/PARTITION/ranges?offset=…` | see `fetch-ranges.ts` |
 */
import { isDelayed } from '../delay/delay-time.ts';
import { MillraceError } from '../errors.ts';
import type { ReadablePartition } from '../log/list-offsets.ts';
import { type TopicDirectory, unknownPartition } from '../log/topic-directory.ts';
import { type FetchRangesDeps, fetchRanges } from './fetch-ranges.ts';
import { fetchRecords } from './fetch-records.ts';
import { parseFetchRequest, parseRangesRequest } from './fetch-request.ts';
import { errorResponse } from './http-errors.ts';
import { type HttpRequest, type HttpResponse, jsonResponse } from './http-message.ts';
import { type HttpProducer, type HttpRepeatableSends, producedResponse, produceRecords } from './produce-records.ts';
import { type HttpRecord, type ImmediateRecord, parseProduceRequest } from './produce-request.ts';
import { requestIdOf } from './request-id.ts';

/** What it needs. */
export interface HttpApiDeps extends FetchRangesDeps {
  readonly topics: Pick<TopicDirectory, 'peek' | 'read'>;
  readonly producer: HttpProducer;
  /** For requests with an idempotency key. */
  readonly repeatable: HttpRepeatableSends;
}

/** Lambda: a request has 6 MB at most, with all around the body. Source: "Lambda quotas" in the developer guide. */
export const MAX_BODY_BYTES = 6_000_000;

const RECORDS = /^\/topics\/([^/]+)\/records\/?$/;
const PARTITION = /^\/topics\/([^/]+)\/partitions\/([^/]+)\/(records|ranges)\/?$/;
const INTEGER = /^\d{1,9}$/;

/** See the module comment. */
export class HttpApi {
  readonly #deps: HttpApiDeps;

  constructor(deps: HttpApiDeps) {
    this.#deps = deps;
  }

  /** Whether a path is one of this API. */
  matches(path: string): boolean {
    return RECORDS.test(path) || PARTITION.test(path);
  }

  /** Answers whatever comes; never rejects. */
  async answer(request: HttpRequest): Promise<HttpResponse> {
    try {
      const produced = RECORDS.exec(request.path);
      if (produced !== null) return await this.#produce(decoded(produced[1]!), request);
      const read = PARTITION.exec(request.path);
      if (read !== null) return await this.#read(read, request);
      const hint =
        'There are POST /topics/TOPIC/records, and GET /topics/TOPIC/partitions/PARTITION/records and …/ranges.';
      return errorOf(404, `there is no ${request.path}`, hint);
    } catch (error) {
      return errorResponse(error);
    }
  }

  async #produce(topic: string, request: HttpRequest): Promise<HttpResponse> {
    if (request.method !== 'POST') return notAllowed(request.method, 'POST');
    if (request.body.length > MAX_BODY_BYTES) throw tooLarge();
    const records = parseProduceRequest(topic, request);
    const requestId = requestIdOf(request);
    const { topics, clock, producer, repeatable } = this.#deps;
    if (requestId !== null) {
      const delayed = records.find(isDelayed);
      if (delayed !== undefined) throw delayedWithKey(delayed);
      return producedResponse(await repeatable.send(requestId, topic, records as readonly ImmediateRecord[]));
    }
    // An unknown topic is told once, and not of each record.
    if (topics.peek({ topic }, clock.monotonicMs()) === null) await topics.read(topic);
    return produceRecords(producer, records);
  }

  async #read([, topic, number, what]: RegExpExecArray, { method, query }: HttpRequest): Promise<HttpResponse> {
    if (method !== 'GET') return notAllowed(method, 'GET');
    const [name, partition] = [decoded(topic!), decoded(number!)];
    if (what === 'ranges') {
      const request = parseRangesRequest(query);
      return fetchRanges(this.#deps, await this.#partitionOf(name, partition), request);
    }
    const request = parseFetchRequest(query);
    return fetchRecords(this.#deps, await this.#partitionOf(name, partition), request);
  }

  async #partitionOf(name: string, partition: string): Promise<ReadablePartition> {
    const route = await this.#deps.topics.read(name);
    const number = INTEGER.test(partition) ? Number(partition) : Number.NaN;
    if (!(number < route.partitionCount)) throw unknownPartition(route, partition);
    const { topicId, domain } = route;
    return { partition: { topicId, partition: number }, domain };
  }
}

/** The answer for a body that is larger than `MAX_BODY_BYTES`, for whoever stops reading it. */
export function bodyTooLarge(): HttpResponse {
  return errorResponse(tooLarge());
}

function tooLarge(): MillraceError {
  return new MillraceError('MESSAGE_TOO_LARGE', `the body has more than ${MAX_BODY_BYTES} bytes`, {
    hint: 'Send fewer records at once; a larger one needs a client of the log.',
  });
}

/** Its id is not known before it is sent. */
function delayedWithKey(record: HttpRecord): MillraceError {
  return new MillraceError('INVALID_REQUEST', 'a delayed record in a request with an idempotency key', {
    value: record,
    hint: 'Send delayed records without a key, and cancel by its id the one that came twice.',
  });
}

function notAllowed(method: string, allowed: string): HttpResponse {
  return errorOf(405, `${method} is not for this`, `Use ${allowed}.`, { allow: allowed });
}

function errorOf(status: number, message: string, hint: string, headers = {}): HttpResponse {
  return jsonResponse(status, { error: { code: 'INVALID_REQUEST', message, hint, retriable: false } }, headers);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new MillraceError('INVALID_REQUEST', `${text} is no part of a path`, {
      value: text,
      hint: 'Escape each byte of UTF-8 as %XX.',
      cause,
    });
  }
}

import { asMillraceError } from '../errors.ts';
import { type ErrorBody, errorBody, statusOf } from './http-errors.ts';
import { type HttpResponse, jsonResponse } from './http-message.ts';
import type { HttpRecord, ImmediateRecord } from './produce-request.ts';

/** Where a record stands, or waits. */
export type ProducedPlace =
  | { readonly partition: number; readonly offset: bigint; readonly timestampMs?: bigint }
  | { readonly id: string; readonly partition: number; readonly dueMs: number };

/** Sends records: a producer of the client is one. */
export interface HttpProducer {
  /** Resolves once the record is durable. */
  send(record: HttpRecord): Promise<ProducedPlace>;
}

/** Sends requests that may come again. */
export interface HttpRepeatableSends {
  /** Sends records once, however often the request comes. Throws before anything is sent. */
  send(
    requestId: bigint,
    topic: string,
    records: readonly ImmediateRecord[],
  ): Promise<readonly PromiseSettledResult<ProducedPlace>[]>;
}

type ProducedRecord = ProducedPlace | { readonly error: ErrorBody };

/** Sends all records of a request, and tells of each what became of it. */
export async function produceRecords(producer: HttpProducer, records: readonly HttpRecord[]): Promise<HttpResponse> {
  return producedResponse(await Promise.allSettled(records.map((record) => producer.send(record))));
}

/** What became of the records of a request: 200 when all of them are durable, 207 when some are, and the status of the first error when none is. */
export function producedResponse(settled: readonly PromiseSettledResult<ProducedPlace>[]): HttpResponse {
  const errors = settled.flatMap((one) => (one.status === 'rejected' ? [asMillraceError(one.reason)] : []));
  const results = settled.map(
    (one): ProducedRecord =>
      one.status === 'fulfilled' ? placeOf(one.value) : { error: errorBody(asMillraceError(one.reason)) },
  );
  const [first] = errors;
  if (first === undefined) return jsonResponse(200, { results });
  return jsonResponse(errors.length < settled.length ? 207 : statusOf(first), { results });
}

function placeOf(place: ProducedPlace): ProducedPlace {
  const { partition } = place;
  if ('id' in place) return { id: place.id, partition, dueMs: place.dueMs };
  return {
    partition,
    offset: place.offset,
    ...(place.timestampMs !== undefined && { timestampMs: place.timestampMs }),
  };
}

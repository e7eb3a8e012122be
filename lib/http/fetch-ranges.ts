/**
 * Reading more than an answer can hold: instead of records it tells where the record batches are, each range with a link by which whoever asked reads it from the store. No byte of it goes through the function.
 *
 * | of a range | |
 * |---|---|
 * | `baseOffset`, `endOffset` | of the first record; behind the last one. The first range may begin below the offset asked for |
 * | `lengthBytes` | of its record batches |
 * | `stamped` | true: each batch carries its base offset, and there may be gaps. False: the first batch begins at `baseOffset`, each other one where the one before ends |
 * | `url`, `headers` | the GET that gives the bytes, within `expiresSeconds`; or |
 * | `base64` | the bytes, where they are in no object, or the store has no links |
 */
import type { ReadablePartition } from '../log/list-offsets.ts';
import { parseBatchHeader } from '../record/batch-header.ts';
import { type FetchRecordsDeps, READ_BYTES } from './fetch-records.ts';
import { MAX_ANSWER_BYTES, type RangesRequest } from './fetch-request.ts';
import { type HttpResponse, jsonResponse } from './http-message.ts';
import { offsetOf } from './offset-of.ts';
import { type PlannedRange, planRanges } from './plan-ranges.ts';
import type { RangeLinks } from './range-links.ts';

/** What it needs. */
export interface FetchRangesDeps extends FetchRecordsDeps {
  /** Null: the store has none, and bytes are told themselves. */
  readonly links: RangeLinks | null;
}

/** Long enough for a slow line, and far below what collection leaves a reader. */
const EXPIRES_SECONDS = 900;

/** Tells where the record batches from a position on are. Throws OFFSET_OUT_OF_RANGE, and what the store throws. */
export async function fetchRanges(
  deps: FetchRangesDeps,
  target: ReadablePartition,
  { from, maxBytes }: RangesRequest,
): Promise<HttpResponse> {
  const offset = await offsetOf(deps, target, from);
  const { links } = deps;
  if (links === null) return readRanges(deps, target, { offset, maxBytes });
  const { entries, highWatermark, logStartOffset } = await deps.fetcher.locate({ ...target, offset, maxBytes });
  const planned = planRanges(entries, MAX_ANSWER_BYTES);
  const ranges = await Promise.all(planned.map((range) => told(range, links)));
  const nextOffset = planned.at(-1)?.endOffset ?? offset;
  return jsonResponse(200, { ranges, expiresSeconds: EXPIRES_SECONDS, nextOffset, highWatermark, logStartOffset });
}

async function told(range: PlannedRange, links: RangeLinks): Promise<object> {
  const { baseOffset, endOffset, stamped } = range;
  const offsets = { baseOffset, endOffset, stamped };
  if (range.kind === 'inline') return { ...offsets, ...bytesTold(range.batches) };
  const { lengthBytes } = range;
  return { ...offsets, lengthBytes, ...(await links.link(range, { expiresSeconds: EXPIRES_SECONDS })) };
}

function bytesTold(bytes: Uint8Array): object {
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
  return { lengthBytes: bytes.length, base64 };
}

/** Whoever asks for ranges of a store without links gets what one read gives, as one range. */
async function readRanges(
  { fetcher }: FetchRangesDeps,
  target: ReadablePartition,
  { offset, maxBytes }: { readonly offset: bigint; readonly maxBytes: number },
): Promise<HttpResponse> {
  const most = Math.min(READ_BYTES, maxBytes);
  const [fetched] = await fetcher.fetch([{ ...target, offset, maxBytes: most }], { maxBytes: most, consistent: true });
  if (fetched!.outcome === 'failed') throw fetched!.error;
  const { batches, nextOffset, highWatermark, logStartOffset } = fetched!;
  const [first] = batches;
  const ranges =
    first === undefined
      ? []
      : [
          {
            baseOffset: parseBatchHeader(first).baseOffset,
            endOffset: nextOffset,
            stamped: true,
            ...bytesTold(Buffer.concat(batches)),
          },
        ];
  return jsonResponse(200, { ranges, expiresSeconds: EXPIRES_SECONDS, nextOffset, highWatermark, logStartOffset });
}

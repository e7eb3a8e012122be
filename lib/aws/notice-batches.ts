/** Sends notices ten at a time, and again those that were not taken. */
import type { Clock, Random } from '../clock.ts';
import { hasCode } from '../errors.ts';
import type { FailureNotice, NoticeOutcome } from '../event-source/notice-sender.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { type AwsRequest, partError } from './aws-errors.ts';
import { NOTICE_ATTEMPTS } from './outside-deps.ts';

/** What one request may carry. */
export interface NoticeLimits {
  /** Of one notice, and of all of one request. */
  readonly maxBytes: number;
}

/** A notice with its place in the list. */
export interface NumberedNotice {
  readonly index: number;
  readonly notice: FailureNotice;
}

/** An entry of a request that was refused. */
export interface RefusedEntry {
  readonly index: number;
  readonly code: string;
  readonly message: string;
}

/** SQS and SNS: entries of one batch. */
const MAX_ENTRIES = 10;
/** A queue or topic may take less than the service does. */
const TOO_LARGE = /must be shorter than|too ?long/i;

/** Which leave together, in their order, and which never can. */
export function planNoticeBatches(
  notices: readonly FailureNotice[],
  { maxBytes }: NoticeLimits,
): { readonly batches: readonly (readonly NumberedNotice[])[]; readonly tooLarge: readonly number[] } {
  const batches: NumberedNotice[][] = [];
  const tooLarge: number[] = [];
  let openBytes = Number.POSITIVE_INFINITY;
  for (const [index, notice] of notices.entries()) {
    const bytes = Buffer.byteLength(notice.body);
    if (bytes > maxBytes) {
      tooLarge.push(index);
      continue;
    }
    const open = batches.at(-1);
    if (open === undefined || open.length === MAX_ENTRIES || openBytes + bytes > maxBytes) {
      batches.push([{ index, notice }]);
      openBytes = bytes;
    } else {
      open.push({ index, notice });
      openBytes += bytes;
    }
  }
  return { batches, tooLarge };
}

/** How they are sent. */
export interface NoticeBatchSender extends NoticeLimits {
  readonly clock: Clock;
  readonly random: Random;
  /** Sends some; resolves to those that were refused. Throws what refuses all of them. */
  readonly send: (batch: readonly NumberedNotice[]) => Promise<readonly RefusedEntry[]>;
  /** Names what is being done, for errors. */
  readonly request: AwsRequest;
}

/** One batch after another; entries that were refused for now are sent again, alone. Throws what refused the first of them at the end. */
export async function sendNoticeBatches(
  notices: readonly FailureNotice[],
  sender: NoticeBatchSender,
): Promise<readonly NoticeOutcome[]> {
  const { batches, tooLarge } = planNoticeBatches(notices, sender);
  const outcomes = notices.map((): NoticeOutcome => 'sent');
  for (const index of tooLarge) outcomes[index] = 'too-large';
  const waiting = [...batches];
  for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
    const tooLong = await sendOne(batch, sender);
    // Whoever refuses all of them as too large means one of them.
    if (tooLong.length > 1 && tooLong.length === batch.length) waiting.unshift(...batch.map((one) => [one]));
    else for (const index of tooLong) outcomes[index] = 'too-large';
  }
  return outcomes;
}

/** Resolves to those that were refused as too large. */
async function sendOne(batch: readonly NumberedNotice[], sender: NoticeBatchSender): Promise<readonly number[]> {
  const tooLong: number[] = [];
  let open = batch;
  const send = async () => {
    const refused = await sender.send(open);
    const failed = refused.filter(({ code, message }) => !TOO_LARGE.test(`${code} ${message}`));
    for (const one of refused) if (!failed.includes(one)) tooLong.push(one.index);
    open = open.filter(({ index }) => failed.some((one) => one.index === index));
    // A later attempt may pass: it is decided by an error that may, if there is one.
    const errors = failed.map((one) => partError(one, sender.request));
    const first = errors.find(({ retriable }) => retriable) ?? errors[0];
    if (first !== undefined) throw first;
  };
  try {
    await repeatRequest(sender, send, NOTICE_ATTEMPTS);
  } catch (error) {
    if (!(hasCode(error, 'INVALID_REQUEST') && TOO_LARGE.test(error.message))) throw error;
    tooLong.push(...open.map(({ index }) => index));
  }
  return tooLong;
}

/** What keeps notices of one partition in order, and one that is sent twice from being there twice, where the queue or topic is a FIFO one; nothing for others. Both are at most 128 characters. */
export function fifoFields(
  arn: string,
  { group, topic, partition, offset }: FailureNotice,
  digest: (text: string) => string,
): { readonly MessageGroupId?: string; readonly MessageDeduplicationId?: string } {
  if (!arn.endsWith('.fifo')) return {};
  return {
    MessageGroupId: digest(`${group} ${topic} ${partition}`),
    MessageDeduplicationId: digest(`${group} ${topic} ${partition} ${offset}`),
  };
}

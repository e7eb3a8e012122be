import { expect } from 'vitest';
import { Millrace } from '../../lib/client/millrace.ts';
import { RepeatableSends } from '../../lib/client/repeatable-sends.ts';
import { systemRandom as random } from '../../lib/clock.ts';
import type { MillraceError } from '../../lib/errors.ts';
import { HttpApi } from '../../lib/http/http-api.ts';
import type { HttpRecord } from '../../lib/http/produce-request.ts';
import type { RangeLinks } from '../../lib/http/range-links.ts';
import { recordsOfRange, type ToldRange } from '../../lib/http/records-of-range.ts';
import { Appender } from '../../lib/log/appender.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { TopicDirectory } from '../../lib/log/topic-directory.ts';
import type { LogRecord } from '../../lib/record/record.ts';
import { readAll, TOPIC } from '../client/client-stage.ts';
import { delayStage } from '../delay/delay-stage.ts';

/** A range as an answer tells of it. */
export interface AnsweredRange extends ToldRange {
  readonly endOffset: number;
  readonly lengthBytes: number;
  readonly url?: string;
  readonly headers?: { readonly range: string };
  readonly base64?: string;
}

export const JSON_TYPE = { 'content-type': 'application/json' };

/** Links of a store in memory: the URL says which bytes. */
export const links: RangeLinks = {
  async link({ key, position, lengthBytes }, { expiresSeconds }) {
    expect(expiresSeconds).toBe(900);
    return { url: key, headers: { range: `${position}+${lengthBytes}` } };
  },
};

/** How it is served. */
export interface ServedOptions {
  readonly config?: Readonly<Record<string, string>>;
  readonly fail?: (record: HttpRecord) => MillraceError | undefined;
  readonly links?: RangeLinks | null;
}

/** The API over a store in memory. */
export async function served({ config = {}, fail = () => undefined, links: given = null }: ServedOptions = {}) {
  const { memory: store, clock } = await delayStage({ partitionCount: 2, config });
  const millrace = new Millrace({ store, clock, random });
  const producer = millrace.producer();
  const topics = new TopicDirectory({ source: millrace.topics, clock, maxAgeMs: 30_000 });
  const sent: HttpRecord[] = [];
  const api = new HttpApi({
    store,
    clock,
    random,
    topics,
    links: given,
    repeatable: new RepeatableSends({ clock, topics, appender: new Appender({ store, clock, random }) }),
    fetcher: new Fetcher({ store, clock, random }),
    producer: {
      async send(record) {
        sent.push(record);
        const error = fail(record);
        if (error !== undefined) throw error;
        return producer.send(record);
      },
    },
  });
  const ask = async (method: string, target: string, headers = {}, body: string | Uint8Array = '') => {
    const { pathname, searchParams } = new URL(target, 'http://x');
    const answer = await api.answer({ method, path: pathname, query: searchParams, headers, body: Buffer.from(body) });
    return { ...answer, json: JSON.parse(answer.body) };
  };
  return {
    api,
    clock,
    millrace,
    sent,
    ask,
    produce: (body: unknown, topic = TOPIC) => ask('POST', `/topics/${topic}/records`, JSON_TYPE, JSON.stringify(body)),
    read: (query: string, partition: number | string = 0) =>
      ask('GET', `/topics/${TOPIC}/partitions/${partition}/records?${query}`),
    ranges: (query: string, partition: number | string = 0) =>
      ask('GET', `/topics/${TOPIC}/partitions/${partition}/ranges?${query}`),
    /** What somebody reads who follows the ranges of an answer. */
    async follow(ranges: readonly AnsweredRange[]): Promise<readonly LogRecord[]> {
      const records: LogRecord[] = [];
      for (const range of ranges) {
        const { url, headers, base64, lengthBytes } = range;
        const [position, length] = (headers?.range ?? '').split('+').map(Number);
        const bytes =
          url === undefined ? Buffer.from(base64!, 'base64') : await store.objects.get(url, position!, length!);
        expect(bytes).toHaveLength(lengthBytes);
        records.push(...recordsOfRange(range, bytes!));
      }
      return records;
    },
    all: () => readAll({ store, clock }),
  };
}

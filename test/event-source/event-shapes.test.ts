/** The events that are pushed, read by the packages that people use for the sources that they imitate. */
import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { kafkaConsumer, SchemaType } from '@aws-lambda-powertools/kafka';
import { KafkaMskEventSchema, KafkaSelfManagedEventSchema } from '@aws-lambda-powertools/parser/schemas/kafka';
import { KinesisDataStreamSchema } from '@aws-lambda-powertools/parser/schemas/kinesis';
import { SqsSchema } from '@aws-lambda-powertools/parser/schemas/sqs';
import type { Context, KinesisStreamEvent, MSKEvent, SelfManagedKafkaEvent, SQSEvent } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { parseBatchResponse } from '../../lib/event-source/push/batch-response.ts';
import type { EventFormat } from '../../lib/event-source/push/event-format.ts';
import { kafkaEvent, selfManagedKafkaEvent } from '../../lib/event-source/push/kafka-event.ts';
import { kinesisEvent } from '../../lib/event-source/push/kinesis-event.ts';
import { sqsEvent } from '../../lib/event-source/push/sqs-event.ts';
import type { ReceivedEvent } from '../../lib/event-source/received-event.ts';
import { eventAt, offsetsOf } from './event-fixtures.ts';

const ORIGIN = {
  eventSourceArn: 'arn:aws:kafka:us-east-1:000000000000:cluster/millrace/0f1d',
  bootstrapServers: '127.0.0.1:9092',
  region: 'us-east-1',
};
const text = (value: string) => new TextEncoder().encode(value);
const RECORDS = [
  eventAt(5, {
    keyBytes: text('ada'),
    valueBytes: text('{"n":1}'),
    headers: [
      { key: 'trace', value: text('tü') },
      { key: 'trace', value: text('again') },
    ],
  }),
  eventAt(6, { valueBytes: text('{"n":2}') }),
  eventAt(8, { keyBytes: text('bob'), valueBytes: text('{"n":3}'), timestampType: 'LOG_APPEND_TIME' }),
];

function eventOf<T>(format: EventFormat, records: readonly ReceivedEvent[] = RECORDS): T {
  const encoded = records.map((record) => format.encode(record, ORIGIN));
  return JSON.parse(format.wrap(encoded, records[0]!, ORIGIN)) as T;
}

const failedBy = (format: EventFormat, response: unknown) => {
  const outcome = parseBatchResponse(JSON.stringify(response) ?? '', RECORDS, format);
  return outcome.kind === 'answered' ? [...outcome.failed.keys()].map(Number) : outcome.error;
};

describe('the event of a Kafka topic', () => {
  it('is that of MSK, byte for byte as the guide shows it', () => {
    expect(eventOf<MSKEvent>(kafkaEvent)).toEqual({
      eventSource: 'aws:kafka',
      eventSourceArn: ORIGIN.eventSourceArn,
      bootstrapServers: '127.0.0.1:9092',
      records: {
        'orders-0': [
          {
            topic: 'orders',
            partition: 0,
            offset: 5,
            timestamp: 1_764_000_000_000,
            timestampType: 'CREATE_TIME',
            key: 'YWRh',
            value: 'eyJuIjoxfQ==',
            headers: [{ trace: [116, 195, 188] }, { trace: [97, 103, 97, 105, 110] }],
          },
          {
            topic: 'orders',
            partition: 0,
            offset: 6,
            timestamp: 1_764_000_000_000,
            timestampType: 'CREATE_TIME',
            value: 'eyJuIjoyfQ==',
            headers: [],
          },
          {
            topic: 'orders',
            partition: 0,
            offset: 8,
            timestamp: 1_764_000_000_000,
            timestampType: 'LOG_APPEND_TIME',
            key: 'Ym9i',
            value: 'eyJuIjozfQ==',
            headers: [],
          },
        ],
      },
    });
  });

  it('passes the schemas of Powertools, of both kinds of cluster', () => {
    expect(KafkaMskEventSchema.safeParse(eventOf(kafkaEvent)).error).toBeUndefined();
    const event = eventOf<SelfManagedKafkaEvent>(selfManagedKafkaEvent);
    expect(KafkaSelfManagedEventSchema.safeParse(event).error).toBeUndefined();
    expect(event).not.toHaveProperty('eventSourceArn');
  });

  it('is consumed by Powertools, tombstones and all', async () => {
    const seen: unknown[] = [];
    const handler = kafkaConsumer<string, { n: number } | null>(
      async (event) => {
        for (const { key, value, headers } of event.records) seen.push([key, value, headers?.length]);
      },
      { value: { type: SchemaType.JSON } },
    );
    const records = [...RECORDS, eventAt(9, { keyBytes: text('ada'), valueBytes: null })];
    await handler(eventOf(kafkaEvent, records), {} as Context);
    expect(seen).toEqual([
      ['ada', { n: 1 }, 2],
      [undefined, { n: 2 }, 0],
      ['bob', { n: 3 }, 0],
      ['ada', null, 0],
    ]);
  });

  it('knows its records by all forms of identifiers that the guides have had', () => {
    const forms = [{ partition: 'orders-0', offset: 6 }, { 'topic-partition': 'orders-0', offset: 6 }, 'orders-0-6'];
    for (const itemIdentifier of forms)
      expect(failedBy(kafkaEvent, { batchItemFailures: [{ itemIdentifier }] })).toEqual([6]);
  });

  it.each([
    { partition: 'orders-1', offset: 6 },
    { partition: 'orders-0', offset: 7 },
    { partition: 'orders-0' },
    { offset: 6 },
    'orders-0-',
    'orders-0-7',
    '',
    null,
    6,
  ])('takes the whole batch for failed when it names %j', (itemIdentifier) => {
    expect(failedBy(kafkaEvent, { batchItemFailures: [{ itemIdentifier }] })).toContain('is not in the batch');
  });
});

describe('the answer of a function', () => {
  it.each([undefined, null, {}, { statusCode: 200 }, { batchItemFailures: [] }, { batchItemFailures: null }])(
    'says that all is handled: %j',
    (response) => {
      expect(failedBy(kafkaEvent, response)).toEqual([]);
    },
  );

  it.each(['done', 5, [], true, { batchItemFailures: 'x' }, { batchItemFailures: [null] }])(
    'makes no sense, and fails the batch: %j',
    (response) => {
      expect(typeof failedBy(kafkaEvent, response)).toBe('string');
    },
  );

  it('that is no JSON fails the batch', () => {
    expect(parseBatchResponse('{', RECORDS, kafkaEvent)).toMatchObject({ kind: 'failed' });
  });
});

describe('the event of a Kinesis stream', () => {
  it('passes the schema of Powertools', () => {
    const event = eventOf<KinesisStreamEvent>(kinesisEvent);
    expect(KinesisDataStreamSchema.safeParse(event).error).toBeUndefined();
    expect(event.Records[0]).toMatchObject({
      eventID: 'shardId-000000000000:orders-0-5-1764000000000',
      kinesis: {
        partitionKey: 'ada',
        sequenceNumber: '5',
        data: 'eyJuIjoxfQ==',
        approximateArrivalTimestamp: 1_764_000_000,
      },
    });
  });

  it('is processed by the batch processor of Powertools, whose answer names what failed', async () => {
    const processor = new BatchProcessor(EventType.KinesisDataStreams);
    const handler = async (record: { kinesis: { data: string } }) => {
      if (Buffer.from(record.kinesis.data, 'base64').toString().includes('2')) throw new Error('no');
    };
    const event = eventOf<KinesisStreamEvent>(kinesisEvent);
    expect(failedBy(kinesisEvent, await processPartialResponse(event, handler, processor))).toEqual([6]);
  });
});

describe('the event of an SQS queue', () => {
  it('passes the schema of Powertools', () => {
    const event = eventOf<SQSEvent>(sqsEvent);
    expect(SqsSchema.safeParse(event).error).toBeUndefined();
    expect(event.Records[0]).toMatchObject({
      messageId: 'orders-0-5',
      body: '{"n":1}',
      attributes: { MessageGroupId: 'ada', SentTimestamp: '1764000000000' },
      messageAttributes: { trace: { stringValue: 'again', dataType: 'String' } },
    });
  });

  it('is processed by the batch processor of Powertools, whose answer names what failed', async () => {
    const processor = new BatchProcessor(EventType.SQS);
    const handler = async (record: { body: string }) => {
      if (record.body.includes('3')) throw new Error('no');
    };
    expect(failedBy(sqsEvent, await processPartialResponse(eventOf<SQSEvent>(sqsEvent), handler, processor))).toEqual([
      8,
    ]);
  });
});

describe('any event', () => {
  it.each([
    ['kafka', kafkaEvent],
    ['self-managed-kafka', selfManagedKafkaEvent],
    ['kinesis', kinesisEvent],
    ['sqs', sqsEvent],
  ] as const)('of %s carries whatever bytes a record has', (_, format) => {
    const odd = [
      eventAt(1, { keyBytes: new Uint8Array([255, 0]), valueBytes: new Uint8Array([254, 10, 34]) }),
      eventAt(2, { keyBytes: new Uint8Array(0), valueBytes: new Uint8Array(0), headers: [{ key: '"', value: null }] }),
      eventAt(3, { valueBytes: null }),
    ];
    expect(() => eventOf(format, odd)).not.toThrow();
    expect(offsetsOf(odd)).toEqual([1, 2, 3]);
  });
});

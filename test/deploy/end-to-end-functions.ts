/** Functions of the end-to-end suite: each writes what it is given to the topic `seen`, as an ordinary client of the log. Version 1 cannot stand poison. */
import { connect } from '../../lib/index.ts';
import { pullHandler } from '../../lib/middleware/index.ts';

/** What a function was given, as the suite reads it. */
export interface Seen {
  readonly by: 'pushed' | 'pulled';
  readonly version: string;
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
}

const { VERSION: version = '', MILLRACE_STORE: store = '' } = process.env;
const opened = connect(store).then((millrace) => millrace.producer());

async function note(by: Seen['by'], records: readonly Pick<Seen, 'partition' | 'offset' | 'value'>[]): Promise<void> {
  const isPoisoned = records.some(({ value }) => value.startsWith('poison'));
  if (isPoisoned && version === '1') throw new TypeError('poison');
  const producer = await opened;
  const values = records.map((record) => JSON.stringify({ by, version, ...record }));
  await producer.sendAll(values.map((value) => ({ topic: 'seen', value })));
}

interface KafkaEvent {
  readonly records: Readonly<Record<string, readonly { partition: number; offset: number; value: string }[]>>;
}

/** Written for Lambda's Kafka event source. */
export async function pushed({ records }: KafkaEvent): Promise<void> {
  const all = Object.values(records).flat();
  await note(
    'pushed',
    all.map(({ partition, offset, value }) => ({ partition, offset, value: textOf(Buffer.from(value, 'base64')) })),
  );
}

/** Fetches its records itself. */
export const pulled = pullHandler(({ records }) =>
  note(
    'pulled',
    records.map(({ partition, offset, valueBytes }) => ({
      partition,
      offset: Number(offset),
      value: textOf(valueBytes ?? new Uint8Array()),
    })),
  ),
);

/** Values are padded, so that they travel in segments. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString().trimEnd();
}

/** Every documented error of DynamoDB, as it comes over the wire, through the real client. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { marshal, marshalKey } from '../../lib/aws/marshal.ts';
import { type MillraceError, UnansweredError } from '../../lib/errors.ts';
import { chunkKey, chunkToItem } from '../../lib/log/chunk.ts';
import { emptyHead, headKey, headToItem } from '../../lib/log/head.ts';
import type { Item, ItemKey } from '../../lib/log/item.ts';
import type { LogStore } from '../../lib/log/log-store.ts';
import { topicKey, topicToItem } from '../../lib/log/topic.ts';
import { ZERO_ID } from '../../lib/segment/segment-id.ts';
import { chunkAt, commitArgs, entryNumbered, freshTopic, idNumbered, inlineEntry } from '../log/contract/fresh.ts';
import { dynamoAnswer, dynamoError, inTurn, type ScriptedAnswer } from './scripted-server.ts';
import { scriptedStore } from './scripted-store.ts';

type Call = (store: LogStore) => Promise<unknown>;
const partition = { topicId: 'the-topic', partition: 7 };
const topic = freshTopic();
const trim = { base: 0n, end: 1n, count: 1, entriesBytes: 37, runMaxTimestampMs: 1n, runMaxTimestampOffset: 0n };
const headsOf = (partitions: readonly number[]) => ({
  topicName: topic.name,
  topicId: topic.topicId,
  partitions,
  floor: ZERO_ID,
});

const writes: Readonly<Record<string, Call>> = {
  commit: ({ heads }) => heads.commit(partition, commitArgs(1)),
  trimTail: ({ heads }) => heads.trimTail(partition, trim),
  raiseFloor: ({ heads }) => heads.raiseFloor(partition, idNumbered(1)),
  advanceStart: ({ heads }) => heads.advanceStart(partition, { start: 1n, floor: ZERO_ID }),
  'remove head': ({ heads }) => heads.remove(partition),
  'put chunk': ({ chunks }) => chunks.put(partition, chunkAt(0n)),
  'replace chunk': ({ chunks }) => chunks.replace(partition, 0n, { version: 0, end: 10n, reference: entryNumbered(1) }),
  'remove chunk': ({ chunks }) => chunks.remove(partition, 0n, { endAtMost: 10n, maxIdAtMost: idNumbered(9) }),
  'create topic': ({ topics }) => topics.create(topic),
  'update topic': ({ topics }) => topics.update(topic),
  'remove topic': ({ topics }) => topics.remove(topic.name, topic.topicId),
  createHeads: ({ topics }) => topics.createHeads(headsOf([0, 1])),
  raiseGlobalFloor: ({ topics }) => topics.raiseGlobalFloor(idNumbered(1)),
};
const reads: Readonly<Record<string, Call>> = {
  'read head': ({ heads }) => heads.read(partition, { consistent: true }),
  readMany: ({ heads }) => heads.readMany([partition], { consistent: true }),
  'query chunks': ({ chunks }) => chunks.query(partition, { order: 'ascending', limit: 1, consistent: true }),
  'get topic': ({ topics }) => topics.get(topic.name),
  'list topics': ({ topics }) => topics.list(null, 10),
  readGlobalFloor: ({ topics }) => topics.readGlobalFloor(),
};
const transactions = ['create topic', 'remove topic', 'createHeads'] as const;

async function failure(call: Call, ...answers: ScriptedAnswer[]): Promise<MillraceError> {
  const { store, server } = await scriptedStore(
    inTurn(...answers),
    answers.includes('silence') ? { answerMs: 100 } : {},
  );
  const error = await call(store).then(
    () => expect.unreachable('the call did not fail'),
    (thrown: MillraceError) => thrown,
  );
  expect(server.requests.length).toBe(1);
  expect(error.hint).toBeTypeOf('string');
  expect(error.value).toBeDefined();
  return error;
}

/** What an item looks like in an answer. */
function wire(key: ItemKey, item: Item): Record<string, AttributeValue> {
  const encode = (value: AttributeValue): AttributeValue => {
    if (value.B) return { B: Buffer.from(value.B).toString('base64') as unknown as Uint8Array };
    return value.L ? { L: value.L.map(encode) } : value;
  };
  const row = { ...marshalKey(key), ...marshal(item) };
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, encode(value)]));
}

const conditionFailed = (row?: Record<string, AttributeValue>) =>
  dynamoError(400, 'ConditionalCheckFailedException', row && { Item: row });
const cancelled = (...reasons: object[]) =>
  dynamoError(400, 'TransactionCanceledException', { CancellationReasons: reasons });
const none = { Code: 'None' };
const failed = { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed' };

describe.each(Object.entries({ ...writes, ...reads }))('%s', (_name, call) => {
  it.each([
    'ProvisionedThroughputExceededException',
    'ThrottlingException',
    'RequestLimitExceeded',
    'TransactionConflictException',
    'ReplicatedWriteConflictException',
  ])('was answered and may be sent again when it is throttled: %s', async (code) => {
    const error = await failure(call, dynamoError(400, code));
    expect(error).not.toBeInstanceOf(UnansweredError);
    expect(error).toMatchObject({ code: 'THROTTLED', retriable: true });
  });

  it.each([
    [500, 'InternalServerError'],
    [503, 'ServiceUnavailable'],
    [502, 'FromAProxy'],
  ])('was not answered by %i %s', async (status, code) => {
    expect(await failure(call, dynamoError(status, code))).toBeInstanceOf(UnansweredError);
  });

  it('was not answered when the connection ends, nothing comes, or what comes is no JSON', async () => {
    expect(await failure(call, 'reset')).toBeInstanceOf(UnansweredError);
    expect(await failure(call, 'silence')).toBeInstanceOf(UnansweredError);
    expect(await failure(call, { status: 200, body: '{"Item":' })).toBeInstanceOf(UnansweredError);
  });

  it('names a table that does not exist, and how to make it', async () => {
    const error = await failure(call, dynamoError(400, 'ResourceNotFoundException'));
    expect(error).toMatchObject({ code: 'STORE_MISSING', retriable: false });
    expect(error.hint).toContain('--table-name the-table');
  });

  it('tells expired credentials, and a lack of rights', async () => {
    const expired = { code: 'CREDENTIALS_EXPIRED', retriable: false };
    expect(await failure(call, dynamoError(400, 'ExpiredTokenException'))).toMatchObject(expired);
    const denied = { code: 'ACCESS_DENIED', retriable: false };
    for (const code of [
      'AccessDeniedException',
      'UnrecognizedClientException',
      'MissingAuthenticationTokenException',
    ]) {
      expect(await failure(call, dynamoError(400, code))).toMatchObject(denied);
    }
  });

  it('fails for good when the request is refused as it is', async () => {
    const invalid = { code: 'INVALID_REQUEST', retriable: false };
    expect(await failure(call, dynamoError(400, 'ValidationException'))).toMatchObject(invalid);
    expect(await failure(call, dynamoError(400, 'SomethingNewException'))).toMatchObject(invalid);
  });

  it('says CLOSED after the store was closed, and sends nothing', async () => {
    const { store, server } = await scriptedStore(inTurn('silence'));
    await store.close();
    await expect(call(store)).rejects.toMatchObject({ code: 'CLOSED' });
    expect(server.requests).toEqual([]);
  });
});

describe.each(Object.entries(writes))('%s', (name, call) => {
  it('is not answered when the SDK repeated it by itself, whatever came of it', async () => {
    const answers = [dynamoAnswer({}), conditionFailed(), cancelled(failed), dynamoError(400, 'ThrottlingException')];
    for (const answer of answers) {
      const { store, server } = await scriptedStore(inTurn(dynamoError(500, 'InternalServerError'), answer), {
        maxAttempts: 2,
      });
      await expect(call(store)).rejects.toBeInstanceOf(UnansweredError);
      expect(server.requests.length).toBe(2);
    }
  });

  it('says that the item is full', async () => {
    const message = 'Item size to update has exceeded the maximum allowed size';
    const full = { code: 'ITEM_FULL', retriable: false };
    expect(await failure(call, dynamoError(400, 'ValidationException', { message }))).toMatchObject(full);
    const collection = dynamoError(400, 'ItemCollectionSizeLimitExceededException');
    expect(await failure(call, collection)).toMatchObject(full);
    if (!transactions.some((transaction) => transaction === name)) return;
    const reason = { Code: 'ValidationError', Message: 'Item size has exceeded the maximum allowed size' };
    expect(await failure(call, cancelled(none, reason))).toMatchObject(full);
  });
});

describe.each(Object.entries(reads))('%s', (_name, call) => {
  it('may be repeated by the SDK, since it changes nothing', async () => {
    const answers = inTurn(dynamoError(500, 'InternalServerError'), dynamoAnswer({}));
    const { store, server } = await scriptedStore(answers, { maxAttempts: 2 });
    await call(store);
    expect(server.requests.length).toBe(2);
  });
});

describe('a refusal', () => {
  const head = { ...emptyHead(idNumbered(3)), next: 5n, tail: [inlineEntry(1, 3000)], tailBytes: 3029 };
  const row = wire(headKey(partition), headToItem(head));

  it.each(['commit', 'trimTail', 'raiseFloor', 'advanceStart'])('of %s carries the head', async (name) => {
    const { store, meter } = await scriptedStore(inTurn(conditionFailed(row), conditionFailed()));
    expect(await writes[name]!(store)).toEqual({ outcome: 'refused', item: head });
    // 3 KB and a bit: what refused it is what it costs.
    expect(meter.usage).toMatchObject({ writeRequests: 1, writeUnits: 4 });
    expect(await writes[name]!(store)).toEqual({ outcome: 'refused', item: undefined });
    expect(meter.usage).toMatchObject({ writeRequests: 2, writeUnits: 5 });
  });

  it.each(['put chunk', 'replace chunk'])('of %s carries the chunk', async (name) => {
    const chunk = chunkAt(0n, { end: 44n });
    const refusal = conditionFailed(wire(chunkKey(partition, 0n), chunkToItem(chunk)));
    const { store } = await scriptedStore(inTurn(refusal, conditionFailed()));
    expect(await writes[name]!(store)).toEqual({ outcome: 'refused', item: chunk });
  });

  it('of a removal of a chunk is false', async () => {
    const chunk = wire(chunkKey(partition, 0n), chunkToItem(chunkAt(0n)));
    const { store } = await scriptedStore(inTurn(conditionFailed(chunk), dynamoAnswer({})));
    expect(await writes['remove chunk']!(store)).toBe(false);
    expect(await writes['remove chunk']!(store)).toBe(true);
  });

  it('of a topic carries the topic', async () => {
    const stored = { ...topic, version: 9 };
    const Item = wire(topicKey(topic.name), topicToItem(stored));
    const { store } = await scriptedStore(inTurn(conditionFailed(Item), cancelled({ ...failed, Item }, none)));
    expect(await writes['update topic']!(store)).toEqual({ outcome: 'refused', item: stored });
    expect(await writes['create topic']!(store)).toEqual({ outcome: 'refused', item: stored });
    expect(await writes['remove topic']!(store)).toBe(false);
  });

  it('of the removal of a topic by nothing means that it is gone', async () => {
    const { store } = await scriptedStore(inTurn(cancelled(failed, none)));
    expect(await writes['remove topic']!(store)).toBe(true);
  });

  it('by a damaged item is an error, not an outcome', async () => {
    const damaged = { ...row, next: { S: 'five' } };
    expect(await failure(writes.commit!, conditionFailed(damaged))).toMatchObject({ code: 'CORRUPT_OBJECT' });
    const strange = { ...row, next: { BOOL: true } };
    expect(await failure(writes.commit!, conditionFailed(strange))).toMatchObject({ code: 'CORRUPT_OBJECT' });
  });
});

describe('a cancelled transaction', () => {
  it.each([
    [[failed, none, none, none], 'topic-changed'],
    [[none, failed, none, none], 'floor-moved'],
    [[none, none, failed, none], 'head-exists'],
    [[none, none, none, failed], 'head-exists'],
    [[failed, failed, failed, none], 'topic-changed'],
    [[none, failed, { Code: 'TransactionConflict' }, none], 'floor-moved'],
  ])('says why heads were not made: %j', async (reasons, outcome) => {
    const { store } = await scriptedStore(inTurn(cancelled(...reasons)));
    expect(await writes.createHeads!(store)).toBe(outcome);
  });

  it.each([
    ['TransactionConflict', 'THROTTLED'],
    ['ThrottlingError', 'THROTTLED'],
    ['ProvisionedThroughputExceeded', 'THROTTLED'],
    ['RequestLimitExceeded', 'THROTTLED'],
    ['ItemCollectionSizeLimitExceeded', 'ITEM_FULL'],
    ['ValidationError', 'INVALID_REQUEST'],
    ['AccessDenied', 'ACCESS_DENIED'],
    ['SomethingNew', 'STORE_UNAVAILABLE'],
  ])('for the reason %s is the error %s, since nothing is known of the conditions', async (reason, code) => {
    for (const transaction of transactions) {
      const error = await failure(writes[transaction]!, cancelled(none, { Code: reason, Message: 'why' }, failed));
      expect(error).toMatchObject({ code, retriable: code === 'THROTTLED' });
      expect(error).not.toBeInstanceOf(UnansweredError);
    }
  });

  it('costs two units for each KB of each part', async () => {
    const Item = wire(topicKey(topic.name), topicToItem({ ...topic, config: { note: 'x'.repeat(2000) } }));
    const { store, meter } = await scriptedStore(inTurn(cancelled({ ...failed, Item }, none, none)));
    await writes['create topic']!(store);
    expect(meter.usage).toMatchObject({ writeRequests: 1, writeUnits: 10 });
  });

  it('is never taken for the repetition of another: each call has a token of its own', async () => {
    const { store, server } = await scriptedStore(inTurn(dynamoAnswer({})));
    for (let call = 0; call < 3; call++) await writes.createHeads!(store);
    const tokens = server.requests.map(({ body }) => JSON.parse(body.toString()).ClientRequestToken);
    expect(tokens.every((token) => typeof token === 'string' && token.length >= 32)).toBe(true);
    expect(new Set(tokens).size).toBe(3);
  });
});

describe('an update that takes effect before the connection ends', () => {
  it('is seen by the refusal of its repetition', async () => {
    const args = commitArgs(1);
    const head = { ...emptyHead(ZERO_ID), next: 1n, tail: args.entries, tailBytes: 37 };
    const row = wire(headKey(partition), headToItem(head));
    const { store, server } = await scriptedStore(inTurn('reset', conditionFailed(row)));
    await expect(store.heads.commit(partition, args)).rejects.toBeInstanceOf(UnansweredError);
    expect(await store.heads.commit(partition, args)).toEqual({ outcome: 'refused', item: head });
    expect(server.requests[0]!.body.equals(server.requests[1]!.body)).toBe(true);
  });
});

describe('readMany', () => {
  const keyOf = (number: number) => headKey({ topicId: 'the-topic', partition: number });
  const rowOf = (number: number) => wire(keyOf(number), headToItem({ ...emptyHead(ZERO_ID), next: BigInt(number) }));
  const keys = [1, 2, 3].map((number) => ({ topicId: 'the-topic', partition: number }));
  const answer = (found: readonly number[], left: readonly number[]) =>
    dynamoAnswer({
      Responses: { 'the-table': found.map(rowOf) },
      UnprocessedKeys:
        left.length > 0 ? { 'the-table': { Keys: left.map((number) => marshalKey(keyOf(number))) } } : {},
    });

  it('asks for what was left out, as long as each answer brings something', async () => {
    const { store, server } = await scriptedStore(inTurn(answer([2], [1, 3]), answer([3], [1]), answer([1], [])));
    const heads = await store.heads.readMany(keys, { consistent: true });
    expect(heads.map((head) => head?.next)).toEqual([1n, 2n, 3n]);
    expect(server.requests.length).toBe(3);
  });

  it('is throttled when an answer brings nothing', async () => {
    const { store, server } = await scriptedStore(inTurn(answer([2], [1, 3]), answer([], [1, 3])));
    const error = store.heads.readMany(keys, { consistent: true });
    await expect(error).rejects.toMatchObject({ code: 'THROTTLED', retriable: true });
    expect(server.requests.length).toBe(2);
  });
});

describe('expressions', () => {
  /** What an expression may say besides aliases and placeholders. */
  const WORDS = ['SET', 'ADD', 'REMOVE', 'AND', 'OR', 'NOT', 'BETWEEN'];
  const FUNCTIONS = ['attribute_exists', 'attribute_not_exists', 'size', 'contains', 'list_append'];

  it('say no attribute by its bare name, and explain exactly the aliases and values that they use', async () => {
    const { store, server } = await scriptedStore(inTurn(dynamoError(400, 'ThrottlingException')));
    for (const call of Object.values({ ...writes, ...reads })) await call(store).catch(() => undefined);
    const expressions: string[] = [];
    const visit = (part: unknown): void => {
      if (typeof part !== 'object' || part === null) return;
      const said = Object.entries(part).flatMap(([name, value]) =>
        name.endsWith('Expression') ? [String(value)] : [],
      );
      if (said.length > 0) {
        const { ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} } = part as Record<
          string,
          object
        >;
        const used = (pattern: RegExp) => [...new Set(said.join(' ').match(pattern) ?? [])].sort();
        expect(Object.keys(names).sort()).toEqual(used(/#\w+/g));
        expect(Object.keys(values).sort()).toEqual(used(/:\w+/g));
        expressions.push(...said);
      }
      for (const value of Object.values(part)) visit(value);
    };
    for (const { body } of server.requests) visit(JSON.parse(body.toString()));
    expect(expressions.length).toBeGreaterThan(15);
    const words = expressions.flatMap((text) => text.match(/(?<![#:\w])[A-Za-z]\w*/g) ?? []);
    expect(words.filter((word) => !WORDS.includes(word) && !FUNCTIONS.includes(word))).toEqual([]);
  });

  it('stay within the 4 KB that DynamoDB takes, even for the largest roll', async () => {
    const { store, server } = await scriptedStore(inTurn(dynamoError(400, 'ThrottlingException')));
    await store.heads.trimTail(partition, { ...trim, count: 100 }).catch(() => undefined);
    const { UpdateExpression } = JSON.parse(server.requests[0]!.body.toString());
    expect(UpdateExpression).toContain('#tail[99], #tail[98],');
    expect(UpdateExpression.length).toBeLessThan(4096);
  });
});

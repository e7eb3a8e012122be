/**
 * Requests about the items of one table: items in and out as the domain has them, errors mapped, units counted.
 *
 * Units are counted as DynamoDB tells them. A refused conditional write comes as an error, which tells none: it costs what the item that refused it costs, "or
 * a minimum of one" (developer guide, "DynamoDB read and write operations"). A request that was not answered, or was throttled, is not counted.
 */
import {
  BatchGetItemCommand,
  type CancellationReason,
  type ConsumedCapacity,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  type KeysAndAttributes,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { Change } from '../log/head-transitions.ts';
import { inParallel } from '../log/in-parallel.ts';
import type { Item, ItemKey } from '../log/item.ts';
import { itemSizeBytes, writeUnits } from '../log/item-size.ts';
import type { Meter } from '../log/meter.ts';
import { aliases } from './alias.ts';
import type { AwsConnection } from './aws-connection.ts';
import { type AwsRequest, partError } from './aws-errors.ts';
import { DYNAMO_MEANINGS } from './dynamo-error-meanings.ts';
import { type MarshalledItem, marshal, marshalKey, unmarshal, unmarshalKey } from './marshal.ts';
import { type TransactionWrite, transactionWriteBytes, transactWriteItem } from './transaction-write.ts';

/** DynamoDB: keys of one BatchGetItem. */
const KEYS_PER_BATCH = 100;
/** BatchGetItem requests in flight. */
const PARALLEL_BATCHES = 8;

/** What a table is made of. */
export interface DynamoTableParts {
  readonly client: DynamoDBClient;
  readonly name: string;
  readonly connection: AwsConnection;
  readonly meter: Meter;
}

/** One conditional update. */
export interface ItemUpdate {
  readonly update: string;
  readonly condition: string;
  /** By placeholder, each used by the one or the other. */
  readonly values: Item;
  /** UPDATED_NEW: only the attributes that changed. */
  readonly returns: 'ALL_NEW' | 'UPDATED_NEW';
}

/** A condition of a put or a deletion. */
export interface ItemCondition {
  readonly condition: string;
  /** By placeholder, each used. */
  readonly values?: Item;
}

/** A range of one partition key. */
export interface ItemRange {
  readonly condition: string;
  readonly values: Item;
  readonly order: 'ascending' | 'descending';
  readonly limit: number;
  readonly consistent: boolean;
}

/** A transaction that was refused: the first write, in the order given, whose condition did not hold, and the item that it met. */
export type TransactionOutcome =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'refused'; readonly index: number; readonly item: Item | undefined };

const REASONED = 'ALL_OLD' as const;

/** One table. See the top of this file. */
export class DynamoTable {
  readonly #parts: DynamoTableParts;

  constructor(parts: DynamoTableParts) {
    this.#parts = parts;
  }

  get name(): string {
    return this.#parts.name;
  }

  /** One item. An eventually consistent read costs half. */
  async get(key: ItemKey, options: { readonly consistent: boolean }): Promise<Item | undefined> {
    const { client, connection, name } = this.#parts;
    const command = new GetItemCommand({
      TableName: name,
      Key: marshalKey(key),
      ConsistentRead: options.consistent,
      ReturnConsumedCapacity: 'TOTAL',
    });
    const answer = await connection.ask(this.#request('GetItem', 'read', key), () => client.send(command));
    this.#count('read', [answer.ConsumedCapacity]);
    return answer.Item && unmarshal(answer.Item);
  }

  /** Several items, in the order asked, undefined where there is none. */
  async getMany(keys: readonly ItemKey[], options: { readonly consistent: boolean }): Promise<(Item | undefined)[]> {
    const found = new Map<string, Item>();
    // DynamoDB refuses a request that names a key twice.
    const different = [...new Map(keys.map((key) => [keyText(key), key])).values()];
    const batches = Array.from({ length: Math.ceil(different.length / KEYS_PER_BATCH) }, (_, index) =>
      different.slice(index * KEYS_PER_BATCH, (index + 1) * KEYS_PER_BATCH),
    );
    await inParallel(batches, PARALLEL_BATCHES, async (batch) => {
      for (const row of await this.#getBatch(batch, options.consistent)) {
        found.set(keyText(unmarshalKey(row)), unmarshal(row));
      }
    });
    return keys.map((key) => found.get(keyText(key)));
  }

  /** DynamoDB may answer a part of a batch; as long as each answer brings something, the rest is asked for. Throws THROTTLED for one that brings nothing. */
  async #getBatch(keys: readonly ItemKey[], consistent: boolean): Promise<MarshalledItem[]> {
    const { client, connection, name } = this.#parts;
    const rows: MarshalledItem[] = [];
    let rest: KeysAndAttributes | undefined = { Keys: keys.map(marshalKey), ConsistentRead: consistent };
    while (rest?.Keys?.length) {
      const command: BatchGetItemCommand = new BatchGetItemCommand({
        RequestItems: { [name]: rest },
        ReturnConsumedCapacity: 'TOTAL',
      });
      const request = this.#request('BatchGetItem', 'read', keys[0]);
      const answer = await connection.ask(request, () => client.send(command));
      this.#count('read', answer.ConsumedCapacity);
      rows.push(...(answer.Responses?.[name] ?? []));
      const left: KeysAndAttributes | undefined = answer.UnprocessedKeys?.[name];
      if (left?.Keys?.length === rest.Keys.length) {
        throw partError({ code: 'ThrottlingException', message: 'none of the keys was processed' }, request);
      }
      rest = left;
    }
    return rows;
  }

  /** One page of a range: at most 1 MB, never empty while there is something. */
  async query(range: ItemRange): Promise<readonly { readonly sk: string; readonly item: Item }[]> {
    const { client, connection, name } = this.#parts;
    const command = new QueryCommand({
      TableName: name,
      KeyConditionExpression: range.condition,
      ExpressionAttributeNames: aliases(range.condition),
      ExpressionAttributeValues: marshal(range.values),
      ScanIndexForward: range.order === 'ascending',
      Limit: range.limit,
      ConsistentRead: range.consistent,
      ReturnConsumedCapacity: 'TOTAL',
    });
    const answer = await connection.ask(this.#request('Query', 'read', range.values), () => client.send(command));
    this.#count('read', [answer.ConsumedCapacity]);
    return (answer.Items ?? []).map((row) => ({ sk: unmarshalKey(row).sk, item: unmarshal(row) }));
  }

  /** Changes an item IF the condition holds. `done` carries what the update returns, `refused` the item as it was. */
  async update(key: ItemKey, { update, condition, values, returns }: ItemUpdate): Promise<Change<Item>> {
    const command = new UpdateItemCommand({
      TableName: this.#parts.name,
      Key: marshalKey(key),
      UpdateExpression: update,
      ConditionExpression: condition,
      ExpressionAttributeNames: aliases(update, condition),
      ExpressionAttributeValues: marshal(values),
      ReturnValues: returns,
      ReturnValuesOnConditionCheckFailure: REASONED,
      ReturnConsumedCapacity: 'TOTAL',
    });
    const request = this.#request('UpdateItem', 'write', key);
    const answer = await this.#change(key, request, () => this.#parts.client.send(command));
    return answer.outcome === 'refused' ? answer : { outcome: 'done', item: unmarshal(answer.item.Attributes ?? {}) };
  }

  /** Writes an item, IF the condition holds when there is one. */
  async put(key: ItemKey, item: Item, conditional?: ItemCondition): Promise<Change<Item>> {
    const command = new PutItemCommand({
      TableName: this.#parts.name,
      Item: { ...marshalKey(key), ...marshal(item) },
      ...(conditional && refusable(conditional)),
      ReturnConsumedCapacity: 'TOTAL',
    });
    const request = this.#request('PutItem', 'write', key);
    const answer = await this.#change(key, request, () => this.#parts.client.send(command));
    return answer.outcome === 'refused' ? answer : { outcome: 'done', item };
  }

  /** Deletes an item, IF the condition holds when there is one; false when it did not. */
  async remove(key: ItemKey, conditional?: ItemCondition): Promise<boolean> {
    const command = new DeleteItemCommand({
      TableName: this.#parts.name,
      Key: marshalKey(key),
      ...(conditional && refusable(conditional)),
      ReturnConsumedCapacity: 'TOTAL',
    });
    const request = this.#request('DeleteItem', 'write', key);
    const answer = await this.#change(key, request, () => this.#parts.client.send(command));
    return answer.outcome === 'done';
  }

  /**
   * All of these writes or none. The SDK gives each call a `ClientRequestToken` of its own, so that none is ever taken for the repetition of another.
   *
   * Of several reasons for a refusal the first in the order of the writes counts: a conflict before a condition that did not hold is THROTTLED.
   */
  async transact(writes: readonly TransactionWrite[]): Promise<TransactionOutcome> {
    const { client, connection, name } = this.#parts;
    const command = new TransactWriteItemsCommand({
      TransactItems: writes.map((write) => transactWriteItem(name, write)),
      ReturnConsumedCapacity: 'TOTAL',
    });
    const request = this.#request('TransactWriteItems', 'write', writes[0]?.key);
    const answer = await connection.ask(request, () => client.send(command), cancellation);
    if (!('reasons' in answer)) {
      this.#count('write', answer.ConsumedCapacity);
      return { outcome: 'done' };
    }
    return this.#refusedTransaction(writes, answer.reasons, request);
  }

  #refusedTransaction(
    writes: readonly TransactionWrite[],
    reasons: readonly CancellationReason[],
    request: AwsRequest,
  ): TransactionOutcome {
    const index = reasons.findIndex(({ Code }) => Code !== undefined && Code !== 'None');
    const { Code: code = 'None', Message: message = '', Item: row } = reasons[index] ?? {};
    if (code !== 'ConditionalCheckFailed') throw partError({ code, message }, request);
    // What it met of the others is not told; a put is taken to have met as much as it brings.
    const units = writes.map((write, at) => writeUnits(0, transactionWriteBytes(write, itemOf(reasons[at]?.Item))));
    this.#parts.meter.count({ kind: 'write', units: 2 * units.reduce((sum, unit) => sum + unit, 0) });
    return { outcome: 'refused', index, item: itemOf(row) };
  }

  /** Sends one conditional write of one item. */
  async #change<
    A extends {
      readonly $metadata: { attempts?: number | undefined };
      readonly ConsumedCapacity?: ConsumedCapacity | undefined;
    },
  >(
    key: ItemKey,
    request: AwsRequest,
    send: () => Promise<A>,
  ): Promise<(Change<Item> & { outcome: 'refused' }) | { outcome: 'done'; item: A }> {
    const answer = await this.#parts.connection.ask(request, send, conditionFailure);
    if (!('refusedBy' in answer)) {
      this.#count('write', [answer.ConsumedCapacity]);
      return { outcome: 'done', item: answer };
    }
    const item = itemOf(answer.refusedBy);
    this.#parts.meter.count({ kind: 'write', units: writeUnits(item ? itemSizeBytes(key, item) : 0, 0) });
    return { outcome: 'refused', item };
  }

  /** One request; an endpoint that tells no capacity has taken the least there is. */
  #count(kind: 'read' | 'write', consumed: readonly (ConsumedCapacity | undefined)[] | undefined): void {
    const units = consumed?.reduce((sum, one) => sum + (one?.CapacityUnits ?? 1), 0) ?? 1;
    this.#parts.meter.count({ kind, units });
  }

  #request(operation: string, effect: 'read' | 'write', value: unknown): AwsRequest {
    return { operation, effect, meanings: DYNAMO_MEANINGS, container: this.#parts.name, value };
  }
}

const keyText = ({ pk, sk }: ItemKey): string => `${pk}\0${sk}`;
const itemOf = (row: MarshalledItem | undefined): Item | undefined => row && unmarshal(row);

/** A refusal tells the item that it met. */
function refusable({ condition, values }: ItemCondition) {
  return {
    ReturnValuesOnConditionCheckFailure: REASONED,
    ConditionExpression: condition,
    ExpressionAttributeNames: aliases(condition),
    ...(values && { ExpressionAttributeValues: marshal(values) }),
  };
}

/** A refusal carries the item that did not meet the condition; a request asks for it with ALL_OLD. */
function conditionFailure(error: unknown): { readonly refusedBy: MarshalledItem | undefined } | undefined {
  const { name, Item: item } = error as { readonly name?: string; readonly Item?: MarshalledItem };
  return name === 'ConditionalCheckFailedException' ? { refusedBy: item } : undefined;
}

function cancellation(error: unknown): { readonly reasons: readonly CancellationReason[] } | undefined {
  const { name, CancellationReasons: reasons } = error as {
    readonly name?: string;
    readonly CancellationReasons?: readonly CancellationReason[];
  };
  return name === 'TransactionCanceledException' && reasons ? { reasons } : undefined;
}

/** Sends requests to one table: errors translated, capacity counted, nothing repeated. */
import {
  type AttributeValue,
  BatchGetItemCommand,
  type BatchGetItemCommandInput,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DeleteItemCommandInput,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  QueryCommand,
  type QueryCommandInput,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  type TransactWriteItemsCommandInput,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { MillraceError } from '../errors.ts';
import type { Change } from '../log/head-transitions.ts';
import type { Item, ItemKey } from '../log/item.ts';
import { itemSizeBytes, writeUnits } from '../log/item-size.ts';
import type { Meter } from '../log/meter.ts';
import { fromSdkError, requireFirstAttempt } from './aws-errors.ts';
import { fromAttributes, toKey } from './marshal.ts';

type Without<T> = Omit<T, 'TableName' | 'ReturnConsumedCapacity'>;

/** Why a transaction was cancelled, item by item, in the order of its items. */
export interface CancelledTransaction {
  readonly outcome: 'cancelled';
  readonly reasons: readonly { readonly code: string; readonly item: Item | undefined }[];
}

/** What one conditional write came to: the new attributes as asked for, or the item that refused. */
export type WriteAnswer = Change<Item>;

const TOTAL = { ReturnConsumedCapacity: 'TOTAL' } as const;
/** Reasons for which the same transaction may be sent again: nothing was written. */
const MAY_BE_REPEATED: ReadonlySet<string> = new Set([
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
  'RequestLimitExceeded',
]);

interface WrittenAnswer {
  readonly $metadata: { readonly attempts?: number | undefined };
  readonly ConsumedCapacity?: { readonly CapacityUnits?: number | undefined } | undefined;
  readonly Attributes?: Record<string, AttributeValue> | undefined;
}

/** See the module comment. */
export class DynamoRequests {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #meter: Meter;

  constructor(client: DynamoDBClient, table: string, meter: Meter) {
    this.#client = client;
    this.#table = table;
    this.#meter = meter;
  }

  /** Reads one item. */
  async get(key: ItemKey, options: { readonly consistent: boolean }): Promise<Item | undefined> {
    const input = { TableName: this.#table, Key: toKey(key), ConsistentRead: options.consistent, ...TOTAL };
    const { Item, ConsumedCapacity } = await this.#read('GetItem', () => this.#client.send(new GetItemCommand(input)));
    this.#countRead(ConsumedCapacity?.CapacityUnits);
    return Item && fromAttributes(Item);
  }

  /** Reads up to 100 items in one request; keys that were left over are returned. */
  async batchGet(keys: readonly ItemKey[], options: { readonly consistent: boolean }) {
    const wanted = { Keys: keys.map(toKey), ConsistentRead: options.consistent };
    const input: BatchGetItemCommandInput = { RequestItems: { [this.#table]: wanted }, ...TOTAL };
    const answer = await this.#read('BatchGetItem', () => this.#client.send(new BatchGetItemCommand(input)));
    for (const { CapacityUnits } of answer.ConsumedCapacity ?? []) this.#countRead(CapacityUnits);
    const rows = (answer.Responses?.[this.#table] ?? []).map((row) => ({
      pk: row.pk!.S!,
      sk: row.sk!.S!,
      item: fromAttributes(row),
    }));
    const left = answer.UnprocessedKeys?.[this.#table]?.Keys ?? [];
    return { rows, left: left.map(({ pk, sk }) => ({ pk: pk!.S!, sk: sk!.S! })) };
  }

  /** One page of a query. */
  async query(input: Without<QueryCommandInput>): Promise<readonly { readonly sk: string; readonly item: Item }[]> {
    const command = new QueryCommand({ TableName: this.#table, ...TOTAL, ...input });
    const { Items = [], ConsumedCapacity } = await this.#read('Query', () => this.#client.send(command));
    this.#countRead(ConsumedCapacity?.CapacityUnits);
    return Items.map((row) => ({ sk: row.sk!.S!, item: fromAttributes(row) }));
  }

  /** A conditional update. `done` holds what `ReturnValues` asked for. */
  update(key: ItemKey, input: Without<Omit<UpdateItemCommandInput, 'Key'>>): Promise<WriteAnswer> {
    const command = new UpdateItemCommand({ ...this.#writeInput(key), ...input });
    return this.#write('UpdateItem', key, async () => this.#client.send(command));
  }

  /** A conditional put. */
  put(key: ItemKey, input: Without<PutItemCommandInput>): Promise<WriteAnswer> {
    const { Key: _, ...common } = this.#writeInput(key);
    return this.#write('PutItem', key, () => this.#client.send(new PutItemCommand({ ...common, ...input })));
  }

  /** A delete, conditional or not. */
  remove(key: ItemKey, input: Without<Omit<DeleteItemCommandInput, 'Key'>> = {}): Promise<WriteAnswer> {
    const { ReturnValuesOnConditionCheckFailure: onFailure, ...common } = this.#writeInput(key);
    const conditional =
      input.ConditionExpression === undefined ? {} : { ReturnValuesOnConditionCheckFailure: onFailure };
    const command = new DeleteItemCommand({ ...common, ...conditional, ...input });
    return this.#write('DeleteItem', key, () => this.#client.send(command));
  }

  /** A transaction: all or nothing. Throws THROTTLED when another transaction stood in the way. */
  async transact(
    items: (table: string) => NonNullable<TransactWriteItemsCommandInput['TransactItems']>,
  ): Promise<{ readonly outcome: 'done' } | CancelledTransaction> {
    const context = this.#context('TransactWriteItems');
    const command = new TransactWriteItemsCommand({ TransactItems: items(this.#table), ...TOTAL });
    try {
      const { $metadata, ConsumedCapacity = [] } = await this.#client.send(command);
      requireFirstAttempt($metadata.attempts, context);
      for (const { CapacityUnits } of ConsumedCapacity) this.#countWrite(CapacityUnits ?? 0);
      return { outcome: 'done' };
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw fromSdkError(error, context);
      requireFirstAttempt(error.$metadata.attempts, context);
      return this.#cancelled(error);
    }
  }

  #cancelled(error: TransactionCanceledException): CancelledTransaction {
    const reasons = (error.CancellationReasons ?? []).map(({ Code = 'None', Item }) => ({
      code: Code,
      item: Item && fromAttributes(Item),
    }));
    // A cancelled transaction costs what it would have written, two units an item at least.
    for (const _ of reasons) this.#countWrite(2);
    const passing = reasons.find(({ code }) => MAY_BE_REPEATED.has(code));
    if (!passing) return { outcome: 'cancelled', reasons };
    throw new MillraceError('THROTTLED', `a transaction on ${this.#table} met another: ${passing.code}`, {
      value: this.#table,
      hint: 'Nothing was written; it is sent again.',
      cause: error,
    });
  }

  #writeInput(key: ItemKey) {
    return {
      TableName: this.#table,
      Key: toKey(key),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
      ...TOTAL,
    };
  }

  async #write(operation: string, key: ItemKey, send: () => Promise<WrittenAnswer>): Promise<WriteAnswer> {
    const context = this.#context(operation);
    try {
      const { $metadata, ConsumedCapacity, Attributes } = await send();
      requireFirstAttempt($metadata.attempts, context);
      this.#countWrite(ConsumedCapacity?.CapacityUnits ?? 0);
      return { outcome: 'done', item: Attributes ? fromAttributes(Attributes) : {} };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw fromSdkError(error, context);
      requireFirstAttempt(error.$metadata.attempts, context);
      const item = error.Item && fromAttributes(error.Item);
      // The refusal does not tell its price: the size of the item that refused.
      this.#countWrite(writeUnits(item ? itemSizeBytes(key, item) : 0, 0));
      return { outcome: 'refused', item };
    }
  }

  /** Reads do no harm: an answer after a repetition is as good as any, and no answer may be asked for again. */
  async #read<T>(operation: string, send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      throw fromSdkError(error, this.#context(operation));
    }
  }

  #context(operation: string) {
    return { service: 'DynamoDB', resource: this.#table, operation } as const;
  }

  #countRead(units = 0): void {
    this.#meter.count({ kind: 'read', units });
  }

  #countWrite(units: number): void {
    this.#meter.count({ kind: 'write', units });
  }
}

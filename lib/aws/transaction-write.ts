import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { Item, ItemKey } from '../log/item.ts';
import { itemSizeBytes } from '../log/item-size.ts';
import { aliases } from './alias.ts';
import { marshal, marshalKey } from './marshal.ts';

/** One part of a transaction. A condition is required where the part is nothing without it. `table`: another one than that of the transaction. */
export type TransactionWrite = { readonly table?: string } & (
  | { readonly kind: 'check'; readonly key: ItemKey; readonly condition: string; readonly values?: Item }
  | {
      readonly kind: 'put';
      readonly key: ItemKey;
      readonly item: Item;
      readonly condition?: string;
      readonly values?: Item;
    }
  | {
      readonly kind: 'update';
      readonly key: ItemKey;
      readonly update: string;
      readonly condition: string;
      readonly values: Item;
    }
  | { readonly kind: 'remove'; readonly key: ItemKey; readonly condition?: string; readonly values?: Item }
);

/** The part as DynamoDB takes it. A refusal tells the item that it met. */
export function transactWriteItem(ownTable: string, write: TransactionWrite): TransactWriteItem {
  const { condition, values } = write;
  const tableName = write.table ?? ownTable;
  const update = write.kind === 'update' ? write.update : '';
  const conditional = condition !== undefined && {
    ConditionExpression: condition,
    ExpressionAttributeNames: aliases(update, condition),
    ...(values && { ExpressionAttributeValues: marshal(values) }),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
  const key = marshalKey(write.key);
  switch (write.kind) {
    case 'check':
      return {
        ConditionCheck: { TableName: tableName, Key: key, ConditionExpression: write.condition, ...conditional },
      };
    case 'put':
      return { Put: { TableName: tableName, Item: { ...key, ...marshal(write.item) }, ...conditional } };
    case 'update':
      return {
        Update: {
          TableName: tableName,
          Key: key,
          UpdateExpression: write.update,
          ConditionExpression: write.condition,
          ...conditional,
        },
      };
    case 'remove':
      return { Delete: { TableName: tableName, Key: key, ...conditional } };
  }
}

/** Bytes that a part is charged for when its transaction was refused: of the item that refused it, else of what it brings. */
export function transactionWriteBytes(write: TransactionWrite, metItem: Item | undefined): number {
  const item = metItem ?? (write.kind === 'put' ? write.item : undefined);
  return item ? itemSizeBytes(write.key, item) : 0;
}

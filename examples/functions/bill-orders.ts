/** Bills orders one by one. An order that cannot be billed is tried again later, and in the end waits among the dead letters; those of other customers go on. */
import { pullHandler, serdes } from 'millrace/middleware';

/** What is read of an order. */
interface Order {
  readonly id: number;
  readonly total: number;
}

export const handler = pullHandler({
  valueDeserializer: serdes.json<Order>(),
  eachRecord({ id, value }) {
    if (value === null || value.total < 0) throw new RangeError(`order ${value?.id} has a negative total`);
    console.log(`billed ${value.total} for order ${value.id} (${id})`);
  },
});

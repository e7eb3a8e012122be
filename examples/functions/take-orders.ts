/** A shop: puts the orders that it is called with into the log, each under its customer, so that those of one customer stay in order. */
import { producerHandler } from 'millrace/middleware';

/** What it is called with. */
interface Orders {
  readonly orders: readonly { readonly id: number; readonly customer: string; readonly total: number }[];
}

export const handler = producerHandler(async ({ orders }: Orders, { producer }) => {
  for (const order of orders) producer.send({ topic: 'orders', key: order.customer, value: JSON.stringify(order) });
  return { taken: orders.length };
});

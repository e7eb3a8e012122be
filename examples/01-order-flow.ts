/**
 * 01 · An order flow: orders → payments → audit.
 *
 * What you learn: create topics, send keyed records, read them, and react by sending others. All records of one order carry its id as key, so they stay in one partition,
 * and therefore in order; different orders may overtake each other. The audit reads both topics and proves that nothing is missing.
 *
 * Run it: node examples/01-order-flow.ts [memory: | file:DIR | aws:?bucket=…&table=…]
 */
import { connect, type Producer, type Reader } from '../lib/index.ts';

const ORDERS = 200;

interface Order {
  readonly id: string;
  readonly cents: number;
}

await using cleanup = new AsyncDisposableStack();
const millrace = await connect(process.argv[2] ?? 'memory:');
cleanup.defer(() => millrace.close());

await millrace.topics.createTopic({ name: 'orders', partitionCount: 4 });
await millrace.topics.createTopic({ name: 'payments', partitionCount: 4, config: { 'compression.type': 'zstd' } });

/** A shop: the promise of each record says that it is durable, and where it stands. */
async function placeOrders(producer: Producer): Promise<number> {
  const orders = Array.from({ length: ORDERS }, (_, n): Order => ({ id: `order-${n}`, cents: 100 + 7 * n }));
  const placed = await Promise.all(
    orders.map((order) => producer.send({ topic: 'orders', key: order.id, value: JSON.stringify(order) })),
  );
  return new Set(placed.map(({ partition }) => partition)).size;
}

/** A payment service: reads orders to the end that it found, and sends a payment for each. */
async function takePayments(reader: Reader, producer: Producer): Promise<void> {
  await reader.assign([{ topic: 'orders' }]);
  for await (const record of reader) {
    const order = record.json<Order>()!;
    const value = JSON.stringify({ order: order.id, cents: order.cents, at: String(record.offset) });
    await producer.send({ topic: 'payments', key: record.key, value, headers: { source: 'orders' } });
  }
}

/** An audit: what was ordered and what was paid must be the same. */
async function balanceCents(reader: Reader): Promise<Record<string, number>> {
  const sums: Record<string, number> = { orders: 0, payments: 0 };
  await reader.assign([{ topic: 'orders' }, { topic: 'payments' }]);
  for await (const record of reader) sums[record.topic]! += record.json<{ cents: number }>()!.cents;
  return sums;
}

const producer = millrace.producer();
console.log(`placed ${ORDERS} orders in ${await placeOrders(producer)} partitions`);
await takePayments(millrace.reader({ stopAtEnd: true }), producer);
const { orders, payments } = await balanceCents(millrace.reader({ stopAtEnd: true }));
console.log(`ordered ${orders} cents, paid ${payments} cents`);
console.log(orders === payments ? 'the books balance' : 'the books DO NOT balance');

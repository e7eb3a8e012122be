/** One simulated life of gateways and of the idempotent producers that send through them, beside programs that append by themselves, all of which follows from its seed. */
import { limits } from '../../../lib/limits.ts';
import { encodeBatch } from '../../../lib/record/encode-batch.ts';
import type { PartitionTruth } from '../../log/simulation/partition-truth.ts';
import { LogRun } from '../../log/simulation/simulate.ts';
import { START_MS } from '../../log/simulation/virtual-time.ts';
import type { SimulateOptions, SimulationRun } from '../../simulate/simulation-run.ts';
import { IdempotentClient } from './idempotent-client.ts';
import { ProduceGateway } from './produce-gateway.ts';

const MAX_GATEWAYS = 6;

/** See the top of this file. */
class GatewayProduceRun extends LogRun {
  // What is trimmed or compacted is older than anything that is sent again, but for tests that would take hours.
  override readonly retains = false;
  override readonly compacts = false;
  readonly #gateways: ProduceGateway[] = [];
  readonly #clients: IdempotentClient[] = [];

  override addKeepers(): void {
    super.addKeepers();
    const { dice } = this;
    for (let count = dice.between(2, 3); count > 0; count--) this.#addGateway();
    for (let count = dice.between(2, 3); count > 0; count--) this.#addClient();
  }

  #addGateway(): void {
    const { dice, time, network, oracle } = this;
    const process = this.process(`gw${this.#gateways.length}`);
    const gateway = new ProduceGateway(process, network.connect(process), dice, this.deliveryTimeoutMs);
    this.#gateways.push(gateway);
    oracle.count('gateways');
    this.#bringOthers(gateway);
    if (!dice.chance(0.6)) return;
    time.schedule(dice.between(0, this.durationMs), () => {
      if (this.way.calm) return;
      oracle.note(`${process.name} crashes`, null);
      oracle.count('gateway crash');
      process.alive = false;
      const isLast = this.#living.length === 0;
      if (isLast || (this.#gateways.length < MAX_GATEWAYS && dice.chance(0.7))) this.#addGateway();
    });
  }

  /** Records of producers that do not number them, through the same gateway. */
  #bringOthers(gateway: ProduceGateway): void {
    const { dice, time, oracle } = this;
    const [{ partition }] = this.#truths as [PartitionTruth];
    let number = 0;
    const next = () => {
      if (!gateway.process.alive || this.busy.isOver) return;
      const value = Buffer.from(`${gateway.process.name}.plain.${number++}`);
      const records = encodeBatch([{ key: null, value, headers: [], timestampMs: BigInt(START_MS) }]);
      const sent = { topic: 'topic-0', partition: partition.partition, records, timeoutMs: 30_000 };
      void gateway.produce(sent).then(({ error }) => oracle.count(`plain ${error}`));
      time.schedule(dice.magnitude(5, 1_000), next);
    };
    time.schedule(dice.between(0, 200), next);
  }

  get #truths(): readonly PartitionTruth[] {
    return [...this.oracle.partitions.values()].filter(({ partition }) => partition.topicId.endsWith('1'));
  }

  get #living(): readonly ProduceGateway[] {
    return this.#gateways.filter(({ process }) => process.alive);
  }

  #addClient(): void {
    const { dice, time, oracle, way } = this;
    const truths = this.#truths;
    const process = this.process(`c${this.#clients.length}`);
    const client = new IdempotentClient({
      process,
      time,
      dice,
      oracle,
      way,
      gateways: () => this.#living,
      topic: 'topic-0',
      truth: dice.chance(0.6) ? truths[0]! : dice.pick(truths),
      producerId: BigInt(this.#clients.length + 1),
      batchCount: dice.between(10, 60),
      faultProbability: dice.pick([0.05, 0.2, 0.5]),
    });
    this.#clients.push(client);
    time.schedule(dice.between(0, 500), () => {
      client.run().catch((error) => oracle.expect(false, 'No exception', () => `${client.name}: ${error?.stack}`));
    });
  }

  override async settle(): Promise<void> {
    const { oracle } = this;
    const isDone = () => this.#clients.every((client) => client.isDone);
    const ended = await this.until(10 * 60_000, isDone);
    oracle.expect(ended, 'Progress', () => {
      const late = this.#clients.filter((client) => !client.isDone).map(({ name }) => name);
      return `${late} were not told of everything`;
    });
    await super.settle();
  }

  override async atRest(): Promise<void> {
    for (const client of this.#clients) client.check();
  }
}

/** Runs a seed. A trace costs time; run a seed that failed once more to have it. */
export async function simulateGatewayProduce(seed: number, options: SimulateOptions = {}): Promise<SimulationRun> {
  const before = { ...limits };
  try {
    const run = new GatewayProduceRun(seed, options);
    await run.whole();
    const { violation, counts, trace } = run.oracle;
    return { seed, violation, digest: run.oracle.digest(), counts, trace };
  } finally {
    Object.assign(limits, before);
  }
}

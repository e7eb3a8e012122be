/** Whoever administers a simulated event source: seeks, pauses and resumes while everything runs. */
import type { FunctionSubscription } from '../../../lib/event-source/function-subscription.ts';
import { SubscriptionAdmin } from '../../../lib/event-source/subscription-admin.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import type { MemberProcess } from '../../group/simulation/member-process.ts';
import type { Dice, VirtualTime } from '../../log/simulation/virtual-time.ts';
import type { RequestWay } from '../../simulate/request-way.ts';
import { attemptInProcesses } from './attempt-in-processes.ts';
import type { EventSourceNetwork } from './event-source-network.ts';
import type { EventSourceOracle } from './event-source-oracle.ts';

/** What administrators share. */
export interface AdministratorWorld {
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly oracle: EventSourceOracle;
  readonly way: RequestWay;
  readonly network: EventSourceNetwork;
  readonly spawn: () => MemberProcess;
  /** One of the subscriptions and a partition of its topic. */
  readonly pick: () => { readonly subscription: FunctionSubscription; readonly partition: PartitionKey };
}

/** Moves a partition, and rings. */
export async function seekOnce({ dice, network, spawn, pick, oracle }: AdministratorWorld): Promise<void> {
  const process = spawn();
  const store = network.connect(process);
  const { subscription, partition } = pick();
  const { group, topic } = subscription;
  try {
    const [[lease], head] = await Promise.all([
      store.leases.readMany([{ group, partition }]),
      store.heads.read(partition, { consistent: true }),
    ]);
    const committed = BigInt(dice.between(0, Number(head!.next)));
    const args = { topic, owner: process.name, seen: lease?.generation ?? 0, committed, atMs: 0 };
    await store.leases.seek(group, partition, args);
    await store.bells.ring({ group, partition }, process.name);
  } catch (error) {
    oracle.note(`${process.name} failed`, String(error));
  }
}

/** Pauses a subscription for a while; as often as it takes, since whoever pauses does not rest before it is so. */
export async function pauseOnce(world: AdministratorWorld): Promise<void> {
  const { time, dice, oracle, way, pick } = world;
  const { group } = pick().subscription;
  if (await repeatedly(world, (admin) => admin.pause(group))) oracle.onPaused(group, true);
  await new Promise<void>((resolve) => time.schedule(way.calm ? 0 : dice.between(1_000, 30_000), resolve));
  oracle.onPaused(group, false);
  await repeatedly(world, (admin) => admin.resume(group));
}

function repeatedly(
  world: AdministratorWorld,
  action: (admin: SubscriptionAdmin) => Promise<unknown>,
): Promise<boolean> {
  const { dice: random, network } = world;
  return attemptInProcesses(world, (process) =>
    action(new SubscriptionAdmin({ store: network.connect(process), clock: process, random })),
  );
}

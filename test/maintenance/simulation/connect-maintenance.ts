import type { LogStore } from '../../../lib/log/log-store.ts';
import type { Jobs, MaintenancePorts } from '../../../lib/maintenance/jobs.ts';
import type { Network } from '../../log/simulation/network.ts';
import type { Process } from '../../log/simulation/virtual-time.ts';
import type { RequestWay } from '../../simulate/request-way.ts';

/** The store as a process of maintenance sees it, over the network. */
export function connectMaintenance(
  { network, way, base }: { readonly network: Network; readonly way: RequestWay; readonly base: MaintenancePorts },
  process: Process,
): LogStore & MaintenancePorts {
  const store = network.connect(process);
  const { jobs } = base;
  const { serverClock } = store;
  const ask = <T>(name: string, effect: () => Promise<T>) => way.send(process, { name, effect, serverClock });
  const overNetwork: Jobs = {
    read: (name) => ask(`read job ${name}`, () => jobs.read(name)),
    take: (name, args) => ask(`take job ${name} ${args.seen}`, () => jobs.take(name, args)),
    update: (name, args) => ask(`update job ${name} ${args.epoch}.${args.sequence}`, () => jobs.update(name, args)),
  };
  const spentTopics = { has: (topicId: string) => ask('spent', () => base.spentTopics.has(topicId)) };
  return { ...store, jobs: overNetwork, spentTopics };
}

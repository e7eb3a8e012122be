import type { EventSourceStore } from '../../../lib/event-source/event-source-store.ts';
import type { Process } from '../../log/simulation/virtual-time.ts';
import type { RequestWay } from '../../simulate/request-way.ts';

const PORTS = [
  'topics',
  'heads',
  'chunks',
  'objects',
  'groups',
  'offsets',
  'heartbeats',
  'leases',
  'subscriptions',
  'bells',
] as const;

/** A store as a process sees it: each request goes the faulty way, and none is sent any more once the process is dead. `onDone` is told of every request that took effect. */
export function faultyPorts(
  base: EventSourceStore,
  {
    way,
    process,
    onDone,
  }: {
    readonly way: RequestWay;
    readonly process: Process;
    readonly onDone: (request: string, args: readonly unknown[]) => void;
  },
): EventSourceStore {
  const faulty = <P extends object>(port: string, target: P): P =>
    new Proxy(target, {
      get: (of, name) => {
        const method: unknown = Reflect.get(of, name);
        if (typeof method !== 'function') return method;
        const request = `${port}.${String(name)}`;
        return (...args: unknown[]) =>
          way.send(process, {
            name: request,
            effect: async () => {
              const result: unknown = await Reflect.apply(method, of, args);
              onDone(request, args);
              return result;
            },
          });
      },
    });
  const ports = Object.fromEntries(PORTS.map((port) => [port, faulty(port, base[port])]));
  return { ...base, ...ports, close: async () => {} } as EventSourceStore;
}

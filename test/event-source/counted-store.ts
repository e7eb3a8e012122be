import type { EventSourceStore } from '../../lib/event-source/event-source-store.ts';

const PORTS = [
  'topics',
  'heads',
  'chunks',
  'objects',
  'groups',
  'offsets',
  'subscriptions',
  'leases',
  'bells',
  'limits',
] as const;

/** A store whose requests are written down, by port and method. */
export function countedStore(base: EventSourceStore): {
  readonly store: EventSourceStore;
  readonly requests: string[];
} {
  const requests: string[] = [];
  const counted = <P extends object>(port: string, target: P): P =>
    new Proxy(target, {
      get: (of, name) => {
        const method: unknown = Reflect.get(of, name);
        if (typeof method !== 'function') return method;
        return (...args: unknown[]) => {
          requests.push(`${port}.${String(name)}`);
          return Reflect.apply(method, of, args);
        };
      },
    });
  const ports = Object.fromEntries(PORTS.map((port) => [port, counted(port, base[port])]));
  return { store: { ...base, ...ports } as EventSourceStore, requests };
}

import type { DelayStore, WatchedStore } from '../delay/delay-store.ts';
import { LocalDelays, type LocalDelaysDeps } from '../delay/local-delays.ts';

/** The store, whose delayed records are released from now on until it is closed, if it is one on this machine. */
export function releasingDelayed<S extends DelayStore>(store: S, deps: Omit<LocalDelaysDeps, 'store'>): S {
  if (!isWatched(store)) return store;
  const delays = new LocalDelays({ ...deps, store });
  delays.start();
  return {
    ...store,
    async close() {
      await delays.close();
      await store.close();
    },
  };
}

function isWatched(store: DelayStore): store is WatchedStore {
  return 'changes' in store;
}

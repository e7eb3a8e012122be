/** What collection would do with each object, and why. Nothing is changed. */

import { asMillraceError } from '../errors.ts';
import { isDamage } from '../log/entry-check.ts';
import type { ObjectSummary } from '../log/object-store.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { firstIdAt } from '../segment/segment-id.ts';
import type { CollectionOptions, CollectionState, UnreadPartition } from './collection-state.ts';
import { fateOf, type ObjectFate } from './condemn.ts';
import { decodeCondemned } from './condemned-list.ts';
import { nextDomain } from './list-domains.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { readMaintenanceObject } from './maintenance-object.ts';
import { NamesFilter } from './names-filter.ts';
import { readNames } from './read-names.ts';
import { readHold } from './rebuild/rebuild-hold.ts';
import { parseJobState } from './run-job.ts';
import { walkTopics } from './walk-topics.ts';

/** An object and what becomes of it. */
export interface ExplainedObject extends ObjectSummary {
  /** `unnamed`: the next pass condemns it. `condemned`: it is deleted at `deletedAtMs` or at the next pass after that. `unknown`: a topic cannot be read, and may name it. */
  readonly fate: Exclude<ObjectFate, 'condemned'> | 'condemned' | 'unnamed' | 'unknown';
  /** Of a condemned object, ms since 1970. */
  readonly deletedAtMs: number | null;
}

/** Objects of one listing. */
const PAGE = 1_000;
/** Of an id as text, at the end of a key. */
const ID_CHARACTERS = 26;
/** Of condemned objects, so many are remembered. */
const CONDEMNED_MOST = 1_000_000;

/**
 * Explains every object under the store's prefix but those that maintenance keeps for itself, domain by domain, in the order of their keys. It goes by what it reads at first: what is written meanwhile may be `unnamed`
 * here and is not for collection, which raises floors before it reads. Bounded memory; one read for each head and 100 chunks, a listing for 1,000 objects.
 */
export async function* explainObjects(
  deps: MaintenanceDeps,
  { freshMs = 3_600_000, restoreWindowMs = 24 * 3_600_000 }: CollectionOptions = {},
): AsyncGenerator<ExplainedObject> {
  const { names, unread, isBlocked } = await readAll(deps);
  const condemned = await readCondemned(deps, restoreWindowMs);
  const { heldUpTo } = await readHold(deps);
  const floor = firstIdAt(Math.max(0, deps.store.serverClock.nowMs() - freshMs));
  for (let domain = await nextDomain(deps, null); domain !== null; domain = await nextDomain(deps, domain)) {
    const request = { floor, names, unread: unread.filter((one) => one.domain === domain), heldUpTo };
    for await (const object of objectsOf(deps, domain)) {
      const fate = await fateOf(deps, object, request);
      const deletedAtMs = condemned.get(object.key) ?? null;
      if (deletedAtMs !== null) yield { ...object, fate: 'condemned', deletedAtMs };
      else if (fate === 'fresh' && names.has(object.key.slice(-ID_CHARACTERS)))
        yield { ...object, fate: 'named', deletedAtMs: null };
      else if (fate !== 'condemned') yield { ...object, fate, deletedAtMs: null };
      else yield { ...object, fate: isBlocked ? 'unknown' : 'unnamed', deletedAtMs: null };
    }
  }
}

async function* objectsOf(deps: MaintenanceDeps, domain: string): AsyncGenerator<ObjectSummary> {
  const { prefix, objects } = deps.store;
  const folder = `${prefix === '' ? '' : `${prefix}/`}${domain}/`;
  let after: string | null = null;
  for (;;) {
    const { answer } = await repeatRequest(deps, () => objects.list(folder, after, PAGE));
    if (answer.length === 0) return;
    yield* answer;
    after = answer.at(-1)!.key;
  }
}

async function readAll(deps: MaintenanceDeps): Promise<{
  readonly names: NamesFilter;
  readonly unread: readonly UnreadPartition[];
  readonly isBlocked: boolean;
}> {
  const { lastNamed = 0 } = (await readState(deps)) ?? {};
  const [seed] = new Uint32Array(deps.random.bytes(4).buffer);
  const names = NamesFilter.forCount(2 * lastNamed, seed!);
  const unread: UnreadPartition[] = [];
  let isBlocked = false;
  await walkTopics(deps, null, {
    topic: async () => 'heads',
    async heads({ domain }, heads) {
      for (const { partition, head } of heads) {
        try {
          if (head instanceof Error) throw head;
          await readNames(deps, { partition, head, fromBase: 0n }, { add: (id) => names.add(id) });
        } catch (cause) {
          if (!isDamage(asMillraceError(cause))) throw cause;
          unread.push({ ...partition, domain });
        }
      }
      return 'next';
    },
    unreadable() {
      isBlocked = true;
    },
  });
  return { names, unread, isBlocked };
}

async function readState(deps: MaintenanceDeps): Promise<CollectionState | null> {
  const { answer: stored } = await repeatRequest(deps, () => deps.store.jobs.read('collection'));
  return (stored && parseJobState<CollectionState>('collection', stored))?.own ?? null;
}

/** When each condemned object may be deleted. */
async function readCondemned(deps: MaintenanceDeps, restoreWindowMs: number): Promise<ReadonlyMap<string, number>> {
  const { prefix } = deps.store;
  const condemned = new Map<string, number>();
  for (const { atMs, parts } of (await readState(deps))?.lists ?? []) {
    for (const part of parts) {
      const bytes = await readMaintenanceObject(deps, part);
      if (bytes === null || condemned.size > CONDEMNED_MOST) continue;
      for (const key of decodeCondemned(bytes)) {
        const whole = prefix === '' ? key : `${prefix}/${key}`;
        if (!condemned.has(whole)) condemned.set(whole, atMs + restoreWindowMs);
      }
    }
  }
  return condemned;
}

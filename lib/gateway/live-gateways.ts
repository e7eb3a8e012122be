/**
 * The gateways that live, as one of them knows it. Each beats every five seconds and looks at the others as often; who did not beat for fifteen is taken for dead.
 *
 * Always true: a gateway takes itself for dead before anybody else can: it counts from when it sent its last answered beat, others from when they saw that beat, and a consistent look has to agree. No two clocks are compared.
 *
 * Costs a write unit and half a read unit for each beat, $0.36 a month for each gateway; nothing else when nobody is connected.
 */
import type { Clock, Random } from '../clock.ts';
import { asMillraceError, MillraceError } from '../errors.ts';
import type { GroupStore } from '../group/group-store.ts';
import type { ObservedGroup } from '../group/groups.ts';
import { freshGatewayNode, GATEWAYS, type GatewayAddress, type GatewayNode, parseGatewayNode } from './gateway-node.ts';
import { rendezvous } from './rendezvous.ts';

/** What the rest of a gateway asks about gateways. */
export interface Gateways {
  readonly self: GatewayNode;
  /** Whether nobody can have taken this one for dead. */
  readonly isLive: boolean;
  /** Those that live, with this one, by their node ids. */
  readonly live: readonly GatewayNode[];
  /** The one that a group, or the lead of a partition, belongs to. */
  ownerOf(key: string): GatewayNode;
}

/** What it needs. */
export interface LiveGatewaysDeps {
  readonly store: Pick<GroupStore, 'groups' | 'heartbeats'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** How often and for how long. */
export interface LiveGatewaysOptions {
  readonly address: GatewayAddress;
  /** Default 5,000. */
  readonly beatMs?: number;
  /** Default 15,000. */
  readonly sessionMs?: number;
  /** Told when gateways have come or gone. `lapsed`: this one may have been taken for dead meanwhile, and what it had may be another's. */
  readonly onChange?: (change: { readonly lapsed: boolean }) => void;
  /** Told why the store does not answer, once for each reason, and null when it does again. */
  readonly onStore?: (error: MillraceError | null) => void;
}

interface Sign {
  readonly count: number;
  readonly sinceMs: number;
}

/** When the store did not answer. */
const AGAIN_MS = 1_000;

/** See the top of this file. */
export class LiveGateways implements Gateways {
  readonly #deps: LiveGatewaysDeps;
  readonly #address: GatewayAddress;
  readonly #beatMs: number;
  readonly #sessionMs: number;
  readonly #onChange: NonNullable<LiveGatewaysOptions['onChange']>;
  readonly #onStore: NonNullable<LiveGatewaysOptions['onStore']>;
  readonly #stop = new AbortController();
  #self: GatewayNode;
  #count = 0;
  #isRegistered = false;
  #sentMs = Number.NEGATIVE_INFINITY;
  #signs = new Map<string, Sign>();
  #lookedMs = Number.NEGATIVE_INFINITY;
  #live: readonly GatewayNode[];
  #running: Promise<void> = Promise.resolve();
  #trouble: MillraceError | null = null;

  constructor(deps: LiveGatewaysDeps, options: LiveGatewaysOptions) {
    const { address, beatMs = 5_000, sessionMs = 15_000, onChange, onStore } = options;
    this.#deps = deps;
    this.#address = address;
    this.#beatMs = beatMs;
    this.#sessionMs = sessionMs;
    this.#onChange = onChange ?? (() => {});
    this.#onStore = onStore ?? (() => {});
    this.#self = freshGatewayNode(deps.random, address);
    this.#live = [this.#self];
  }

  get self(): GatewayNode {
    return this.#self;
  }

  get isLive(): boolean {
    return this.#deps.clock.monotonicMs() - this.#sentMs <= this.#sessionMs;
  }

  get live(): readonly GatewayNode[] {
    return this.#live;
  }

  ownerOf(key: string): GatewayNode {
    return rendezvous(key, this.#live)!;
  }

  /** Makes this gateway known and learns of the others. Throws what the store throws. */
  async start(): Promise<void> {
    await this.#turn();
    this.#running = this.#run();
  }

  /** The others need not wait for its silence, unless the store does not answer. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#sentMs = Number.NEGATIVE_INFINITY;
    if (!this.#isRegistered) return;
    await this.#deps.store.heartbeats.remove(GATEWAYS, this.#self.id).catch(() => {});
  }

  /** Looks now, by a consistent read: somebody behaves as if there were others. */
  async look(): Promise<void> {
    this.#see(await this.#observe(true), true);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let pauseMs = this.#beatMs;
    while (!signal.aborted) {
      await this.#deps.clock.sleep(pauseMs, signal);
      if (signal.aborted) return;
      const trouble = await this.#turn().then(() => null, asMillraceError);
      this.#tell(trouble);
      pauseMs = trouble === null ? this.#beatMs : Math.min(AGAIN_MS, this.#beatMs);
    }
  }

  #tell(trouble: MillraceError | null): void {
    const isTold = trouble?.code === this.#trouble?.code;
    this.#trouble = trouble;
    if (!isTold) this.#onStore(trouble);
  }

  async #turn(): Promise<void> {
    if (this.#isRegistered) await this.#beat();
    if (!this.#isRegistered) await this.#register();
    const seen = await this.#observe(false);
    if (!this.#see(seen, false)) this.#see(await this.#observe(true), true);
  }

  async #beat(): Promise<void> {
    const { clock, store } = this.#deps;
    const sentMs = clock.monotonicMs();
    this.#count += 1;
    const args = { count: this.#count, generation: 0, atMs: Math.floor(clock.nowMs()) };
    const { outcome, item } = await store.heartbeats.beat(GATEWAYS, this.#self.id, args);
    // Refused with an item: by a copy of an earlier beat that was left unanswered.
    this.#isRegistered = outcome === 'done' || item !== undefined;
    if (!this.#isRegistered) return;
    const lapsed = !this.isLive;
    this.#count = Math.max(this.#count, item?.count ?? 0);
    this.#sentMs = sentMs;
    if (lapsed) this.#onChange({ lapsed });
  }

  /** A new life: whatever this gateway had may be another's. */
  async #register(): Promise<void> {
    const { clock, random, store } = this.#deps;
    const others = parsed(await this.#observe(true)).map(({ nodeId }) => nodeId);
    let self = freshGatewayNode(random, this.#address);
    while (others.includes(self.nodeId)) self = freshGatewayNode(random, this.#address);
    const sentMs = clock.monotonicMs();
    await store.heartbeats.put(GATEWAYS, {
      memberId: self.id,
      count: 0,
      generation: 0,
      atMs: Math.floor(clock.nowMs()),
    });
    this.#self = self;
    this.#count = 0;
    this.#sentMs = sentMs;
    this.#isRegistered = true;
    this.#live = [self];
    this.#onChange({ lapsed: true });
  }

  #observe(consistent: boolean): Promise<ObservedGroup> {
    return this.#deps.store.groups.observe(GATEWAYS, { consistent });
  }

  /** Takes in what was seen: false when somebody seems dead and only a consistent look may say so. */
  #see(seen: ObservedGroup, isConsistent: boolean): boolean {
    const nowMs = this.#deps.clock.monotonicMs();
    const gapMs = nowMs - this.#lookedMs;
    // Who could not look could not hear.
    const uncountedMs = gapMs > 3 * this.#beatMs ? gapMs : 0;
    const signs = new Map<string, Sign>();
    for (const { memberId, count } of seen.heartbeats) {
      const before = this.#signs.get(memberId);
      const sinceMs = before?.count === count ? before.sinceMs + uncountedMs : nowMs;
      signs.set(memberId, { count, sinceMs });
    }
    this.#signs = signs;
    this.#lookedMs = nowMs;
    const isDead = ({ id }: GatewayNode) => nowMs - signs.get(id)!.sinceMs > this.#sessionMs;
    const others = parsed(seen).filter(({ id }) => id !== this.#self.id);
    const dead = others.filter(isDead);
    if (dead.length > 0 && !isConsistent) return false;
    for (const { id } of dead) void this.#deps.store.heartbeats.remove(GATEWAYS, id).catch(() => {});
    this.#setLive([this.#self, ...others.filter((one) => !isDead(one))]);
    return true;
  }

  #setLive(nodes: readonly GatewayNode[]): void {
    const live = nodes.toSorted((left, right) => left.nodeId - right.nodeId);
    const isSame = live.map(({ id }) => id).join() === this.#live.map(({ id }) => id).join();
    this.#live = live;
    if (!isSame) this.#onChange({ lapsed: false });
  }
}

function parsed({ heartbeats }: ObservedGroup): readonly GatewayNode[] {
  return heartbeats.map(({ memberId }) => parseGatewayNode(memberId)).filter((node) => node !== null);
}

/** A gateway that cannot be reached under the address it would tell its clients is of no use to them. Throws INVALID_CONFIG. */
export function checkAddress({ host, port }: GatewayAddress): void {
  if (host !== '' && host !== '0.0.0.0' && host !== '::' && Number.isInteger(port) && port > 0 && port < 65_536) return;
  throw new MillraceError('INVALID_CONFIG', `clients cannot be told to connect to ${host}:${port}`, {
    value: `${host}:${port}`,
    hint: 'Advertise the name and port under which clients reach this gateway.',
  });
}

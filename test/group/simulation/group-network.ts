/** The way between members and the store: requests about groups may be lost before or after they take effect, take effect late or twice, or be refused. The log itself is read without faults, but not at once. */
import { MillraceError, UnansweredError } from '../../../lib/errors.ts';
import type { Store } from '../../../lib/group/group-store.ts';
import type { ObservedGroup } from '../../../lib/group/groups.ts';
import type { Dice, VirtualTime } from '../../log/simulation/virtual-time.ts';
import { LeftOutFaults } from '../../simulate/left-out-faults.ts';
import type { GroupOracle, Witness } from './group-oracle.ts';
import type { MemberProcess } from './member-process.ts';

/** How bad the network of a run is. */
export interface GroupWeather {
  /** Of each request. */
  readonly faultProbability: number;
  readonly timeoutMs: number;
  /** Longest delay of a late request. */
  readonly lateMs: number;
  readonly latencyMs: number;
}

const FAULTS = ['dropped', 'lost', 'lost', 'late', 'late', 'repeated', 'throttled'] as const;

/** Connects processes to one store. */
export class GroupNetwork {
  /** No more faults. */
  calm = false;
  readonly #time: VirtualTime;
  readonly #dice: Dice;
  readonly #base: Store;
  readonly #oracle: GroupOracle;
  readonly #weather: GroupWeather;
  /** What eventually consistent looks may still show. */
  readonly #past: { readonly atMs: number; readonly seen: ObservedGroup }[] = [];

  readonly #leftOut: LeftOutFaults;

  constructor(parts: {
    time: VirtualTime;
    dice: Dice;
    base: Store;
    oracle: GroupOracle;
    weather: GroupWeather;
    withoutFaults: ReadonlySet<number>;
  }) {
    this.#leftOut = new LeftOutFaults(parts.withoutFaults, () => parts.oracle.count('faults'));
    this.#time = parts.time;
    this.#dice = parts.dice;
    this.#base = parts.base;
    this.#oracle = parts.oracle;
    this.#weather = parts.weather;
  }

  /** The store as a process sees it. */
  connect(process: MemberProcess, witness: Witness): Store {
    const { groups, heartbeats, offsets } = this.#base;
    const oracle = this.#oracle;
    const ask = <T>(name: string, effect: (isLate: boolean) => Promise<T>) => this.#request(process, name, effect);
    const calmly = <P extends object>(port: P): P =>
      new Proxy(port, {
        get: (target, name) => {
          const method: unknown = Reflect.get(target, name);
          if (typeof method !== 'function') return method;
          return (...args: unknown[]) => this.#calmly(process, () => Reflect.apply(method, target, args));
        },
      });
    return {
      ...this.#base,
      topics: calmly(this.#base.topics),
      heads: calmly(this.#base.heads),
      chunks: calmly(this.#base.chunks),
      objects: calmly(this.#base.objects),
      close: async () => {},
      groups: {
        ...groups,
        get: (name) => ask('get group', () => groups.get(name)),
        list: (after, limit) => ask('list', () => groups.list(after, limit)),
        observe: (name, { consistent }) =>
          ask(`observe${consistent ? '!' : ''}`, () => this.#observe(name, consistent)),
        create: (group) =>
          ask(`create v${group.version}`, async (isLate) => {
            const result = await groups.create(group);
            if (result.outcome === 'done') oracle.onGroup(result.item, witness, isLate);
            return this.#changed(group.name, result);
          }),
        update: (group) =>
          ask(
            `update v${group.version} g${group.generation} of ${group.members.map(({ id }) => id.slice(0, 5)).join()}`,
            async (isLate) => {
              const result = await groups.update(group);
              if (result.outcome === 'done') oracle.onGroup(result.item, witness, isLate);
              return this.#changed(group.name, result);
            },
          ),
        remove: (name, groupId) => ask('remove group', () => groups.remove(name, groupId)),
      },
      heartbeats: {
        put: (group, heartbeat) =>
          ask('put heartbeat', async () => {
            oracle.onBeat(heartbeat.memberId);
            return this.#changed(group, await heartbeats.put(group, heartbeat));
          }),
        beat: (group, id, args) =>
          ask(`beat ${args.count} g${args.generation}`, async () => {
            const result = await heartbeats.beat(group, id, args);
            if (result.outcome === 'done') oracle.onBeat(id);
            return this.#changed(group, result);
          }),
        remove: (group, id) =>
          ask('remove heartbeat', async () => this.#changed(group, await heartbeats.remove(group, id))),
      },
      offsets: {
        ...offsets,
        claim: (group, partition, args) =>
          ask(`claim ${partition.partition} g${args.generation}`, async () => {
            const result = await offsets.claim(group, partition, args);
            if (result.outcome === 'done') oracle.onClaim(partition.partition, result.item);
            return result;
          }),
        commit: (group, partition, args) =>
          ask(`commit ${partition.partition} g${args.generation} #${args.sequence} ${args.offset}`, async () => {
            const result = await offsets.commit(group, partition, args);
            if (result.outcome === 'done') oracle.onCommit(partition.partition, args);
            return result;
          }),
        readMany: (group, partitions) => ask('read offsets', () => offsets.readMany(group, partitions)),
        list: (group, after, limit) => ask('list offsets', () => offsets.list(group, after, limit)),
        remove: (group, partition) => ask('remove offset', () => offsets.remove(group, partition)),
      },
    };
  }

  /** An eventually consistent look may show each item as it was at another time. */
  async #observe(name: string, consistent: boolean): Promise<ObservedGroup> {
    const now = await this.#base.groups.observe(name, { consistent });
    if (consistent) return now;
    const { group } = this.#old() ?? now;
    const { heartbeats } = this.#old() ?? now;
    return { group, heartbeats };
  }

  #old(): ObservedGroup | undefined {
    if (this.#dice.chance(0.5)) return undefined;
    const atMs = this.#time.nowMs - this.#dice.between(1, 1_500);
    return this.#past.findLast((one) => one.atMs <= atMs)?.seen;
  }

  async #changed<T>(name: string, result: T): Promise<T> {
    const seen = await this.#base.groups.observe(name, { consistent: true });
    this.#past.push({ atMs: this.#time.nowMs, seen });
    if (this.#past.length > 500) this.#past.splice(0, 250);
    return result;
  }

  #wayMs(): number {
    return this.#dice.magnitude(1, this.#weather.latencyMs);
  }

  #calmly<T>(process: MemberProcess, effect: () => Promise<T>): Promise<T> {
    if (!process.alive) return new Promise(() => {});
    return new Promise((resolve, reject) => {
      this.#time.schedule(this.#wayMs(), () => {
        effect().then(
          (value) => process.whenRunning(() => resolve(value)),
          (error) => process.whenRunning(() => reject(error)),
        );
      });
    });
  }

  #request<T>(process: MemberProcess, name: string, effect: (isLate: boolean) => Promise<T>): Promise<T> {
    const dice = this.#dice;
    if (!process.alive) return new Promise(() => {});
    const drawn = !this.calm && dice.chance(this.#weather.faultProbability) ? dice.pick(FAULTS) : 'none';
    this.#oracle.count('operations');
    const fault = drawn === 'none' || this.#leftOut.next() ? 'none' : drawn;
    const thereMs = this.#wayMs();
    const label = `${process.name} ${name}`;
    return new Promise<T>((resolve, reject) => {
      const deliver = (delayMs: number, settle: () => void) =>
        this.#time.schedule(delayMs, () => process.whenRunning(settle));
      const unanswered = (delayMs: number) => deliver(delayMs, () => reject(new UnansweredError(`${name}: no answer`)));
      const takeEffect = (delayMs: number, note: string, isLate: boolean, after: (value: T) => void) =>
        this.#time.schedule(delayMs, () => {
          void effect(isLate).then((value) => {
            this.#oracle.note(`${label}${note} ${outcomeOf(value)}`);
            after(value);
          }, reject);
        });
      const timeoutMs = thereMs + dice.magnitude(10, this.#weather.timeoutMs);
      const lateMs = () => thereMs + dice.magnitude(1, this.#weather.lateMs);
      switch (fault) {
        case 'dropped':
          return unanswered(timeoutMs);
        case 'lost':
          takeEffect(thereMs, ' (answer lost)', false, () => {});
          return unanswered(timeoutMs);
        case 'late':
          takeEffect(lateMs() + timeoutMs, ' (late)', true, () => {});
          return unanswered(timeoutMs);
        case 'throttled':
          return deliver(thereMs, () => reject(new MillraceError('THROTTLED', `${name}: not now`)));
      }
      takeEffect(thereMs, '', false, (value) => {
        deliver(this.#wayMs(), () => resolve(value));
        if (fault === 'repeated' && outcomeOf(value) !== 'refused') takeEffect(lateMs(), ' (again)', true, () => {});
      });
    });
  }
}

function outcomeOf(value: unknown): string {
  return (value as { outcome?: string } | null | undefined)?.outcome ?? '';
}

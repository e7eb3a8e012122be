/**
 * The way between Kafka clients and gateways in a simulation: connections break, answers are lost, requests come late; a gateway that is gone refuses.
 *
 * What one client sends to one gateway arrives in order: Kafka's protocol does not number commits, so neither Kafka nor we could tell which of two was meant to be the last. A gateway that may have been taken
 * for dead ends its connections: what was sent before does not arrive. Neither does what a client sent to a gateway, gave up, and had overtaken by what another gateway has answered since, where the group is back at the first by then,
 * or is taken back by that very request: no broker could tell these apart either.
 */
import type { MemberProcess } from '../../../group/simulation/member-process.ts';
import type { Dice, VirtualTime } from '../../../log/simulation/virtual-time.ts';
import type { RequestWay } from '../../../simulate/request-way.ts';
import type { GatewayActor } from './gateway-actor.ts';
import type { GatewayGroupsOracle } from './gateway-groups-oracle.ts';

/** Nobody answers: the connection is gone. */
export class Disconnected extends Error {}

interface Standing {
  /** In which the gateway has the group; null: it is another's. */
  readonly tenure: string | null;
  readonly moves: number;
}

/** See the top of this file. */
export class ClientNetwork {
  readonly #time: VirtualTime;
  readonly #dice: Dice;
  readonly #oracle: GatewayGroupsOracle;
  readonly #way: RequestWay;
  readonly #group: string;
  readonly #faultProbability: number;
  /** When the last request of a client to a gateway arrives. */
  readonly #arrivals = new Map<string, number>();
  /** Which gateway has handled a request of a client last, and how often that was another one than before. */
  readonly #served = new Map<string, { readonly by: GatewayActor; readonly moves: number }>();

  constructor(parts: {
    readonly time: VirtualTime;
    readonly dice: Dice;
    readonly oracle: GatewayGroupsOracle;
    readonly way: RequestWay;
    readonly group: string;
    readonly faultProbability: number;
  }) {
    this.#time = parts.time;
    this.#dice = parts.dice;
    this.#oracle = parts.oracle;
    this.#way = parts.way;
    this.#group = parts.group;
    this.#faultProbability = parts.faultProbability;
  }

  /** Asks a gateway; throws `Disconnected` when that takes longer than `timeoutMs`, or the connection breaks. */
  call<T>(
    client: MemberProcess,
    gateway: GatewayActor,
    name: string,
    timeoutMs: number,
    handle: () => Promise<T>,
  ): Promise<T> {
    if (!client.alive) return new Promise(() => {});
    const dice = this.#dice;
    const isFaulty = !this.#way.calm && dice.chance(this.#faultProbability);
    const fault = isFaulty ? dice.pick(['request lost', 'answer lost', 'late'] as const) : 'none';
    if (isFaulty) this.#oracle.count(fault);
    const { lapses } = gateway.coordinator;
    const sent = this.#standing(client, gateway);
    return new Promise((resolve, reject) => {
      const settle = (delayMs: number, action: () => void) =>
        this.#time.schedule(delayMs, () => client.whenRunning(action));
      const broken = () => reject(new Disconnected(name));
      settle(timeoutMs, broken);
      if (!gateway.isReachable || fault === 'request lost') return void settle(dice.between(1, 200), broken);
      if (fault !== 'none') settle(dice.between(5, 500), broken);
      this.#time.schedule(this.#wayMs(`${client.name} ${gateway.process.name}`, fault === 'late'), () =>
        gateway.process.whenRunning(() => {
          if (gateway.coordinator.lapses !== lapses || this.#isOvertaken(client, gateway, sent)) return;
          this.#serve(client, gateway);
          handle().then(
            (answer) => {
              this.#oracle.note(`${gateway.process.name} ${name}`, JSON.stringify(answer, bigints));
              if (fault === 'none') settle(dice.between(0, 5), () => resolve(answer));
            },
            (error) => this.#oracle.expect(false, 'No exception', () => `${name}: ${error?.stack}`),
          );
        }),
      );
      // A connection to a gateway that dies breaks.
      const watch = () => {
        if (gateway.isReachable) this.#time.schedule(1_000, watch);
        else settle(dice.between(1, 500), broken);
      };
      if (timeoutMs > 1_000) this.#time.schedule(1_000, watch);
    });
  }

  #standing(client: MemberProcess, gateway: GatewayActor): Standing {
    const moves = this.#served.get(client.name)?.moves ?? 0;
    return { tenure: this.#oracle.tenureOf(gateway.gateways.self.id), moves };
  }

  #isOvertaken(client: MemberProcess, gateway: GatewayActor, sent: Standing): boolean {
    const { tenure, moves } = this.#standing(client, gateway);
    const isRefused = tenure === null && gateway.coordinator.refusal(this.#group) !== null;
    const isAnother = tenure === null || tenure !== sent.tenure;
    const isOvertaken = !isRefused && isAnother && moves !== sent.moves;
    if (isOvertaken) this.#oracle.count('overtaken');
    return isOvertaken;
  }

  #serve(client: MemberProcess, gateway: GatewayActor): void {
    const { by, moves } = this.#served.get(client.name) ?? { by: gateway, moves: 0 };
    this.#served.set(client.name, { by: gateway, moves: by === gateway ? moves : moves + 1 });
  }

  #wayMs(way: string, isLate: boolean): number {
    const { nowMs } = this.#time;
    const wayMs = isLate ? this.#dice.between(500, 20_000) : this.#dice.between(0, 5);
    const atMs = Math.max(nowMs + wayMs, this.#arrivals.get(way) ?? 0);
    this.#arrivals.set(way, atMs);
    return atMs - nowMs;
  }
}

const bigints = (_: string, value: unknown) => {
  if (typeof value === 'bigint') return `${value}n`;
  return value instanceof Uint8Array ? `${value.length} bytes` : value;
};

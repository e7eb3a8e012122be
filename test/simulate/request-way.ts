/**
 * The way of requests between processes and a store in a simulation: each takes its time, and may be lost before or after it takes effect, take effect late or twice, be refused, or be answered
 * with bytes that are not those of the store.
 */
import { MillraceError, UnansweredError } from '../../lib/errors.ts';
import type { ServerClock } from '../../lib/segment/server-clock.ts';
import { type Dice, type Process, START_MS, type VirtualTime } from '../log/simulation/virtual-time.ts';

/** How bad the network of a run is. */
export interface Weather {
  /** Of each request; above 0, so that every run has its faults. */
  readonly faultProbability: number;
  /** Longest time before a caller stops waiting. */
  readonly timeoutMs: number;
  /** Longest delay of a late request. */
  readonly lateMs: number;
  /** Longest way there or back. */
  readonly latencyMs: number;
  /** Between two outages of a process, in which nothing is answered; Infinity for none. */
  readonly outageEveryMs: number;
  readonly outageMs: number;
  /** Of each way, that it takes up to two seconds. */
  readonly slowProbability: number;
}

const FAULTS = ['dropped', 'lost', 'lost', 'late', 'late', 'repeated', 'throttled', 'unavailable'] as const;
const SPOILING = [...FAULTS, 'spoilt', 'spoilt', 'spoilt'] as const;
const OUTAGE = ['dropped', 'late'] as const;

type Fault = (typeof SPOILING)[number] | 'none';

/** Who writes down what happens. */
export interface RequestRecorder {
  note(what: string, value: unknown): void;
  count(what: string): void;
}

/** How a request comes to take effect. */
export interface Arrival {
  /** Whether any fault befell it. */
  readonly isFaulty: boolean;
  /** Whether its caller has given up waiting, or been answered before. */
  readonly isLate: boolean;
}

/** What is asked. */
export interface Request<T> {
  /** For the story. */
  readonly name: string;
  readonly effect: (arrival: Arrival) => Promise<T>;
  /** Hears the time of each answer. */
  readonly serverClock?: ServerClock;
  /** Damages an answer; absent: answers of this kind cannot be damaged. */
  readonly spoil?: (value: T) => T;
}

/** See the top of this file. */
export class RequestWay {
  /** No more faults. */
  calm = false;
  /** Faults that were drawn, happened or not. */
  drawn = 0;
  readonly #time: VirtualTime;
  readonly #dice: Dice;
  readonly #recorder: RequestRecorder;
  readonly #weather: Weather;
  readonly #without: ReadonlySet<number>;

  constructor(parts: {
    time: VirtualTime;
    dice: Dice;
    recorder: RequestRecorder;
    weather: Weather;
    /** Numbers of faults, in the order in which they are drawn, that do not happen. */
    withoutFaults: ReadonlySet<number>;
  }) {
    this.#time = parts.time;
    this.#dice = parts.dice;
    this.#recorder = parts.recorder;
    this.#weather = parts.weather;
    this.#without = parts.withoutFaults;
  }

  /** Sends a request of a process, which hears of it while it lives and runs. */
  send<T>(process: Process, request: Request<T>): Promise<T> {
    // A process that has crashed sends nothing.
    if (!process.alive) return new Promise(() => {});
    const outMs = this.#outMs(process);
    const fault = this.#draw(outMs > 0, request.spoil !== undefined);
    this.#recorder.count('operations');
    const thereMs = this.#wayMs();
    const what = `${process.name} ${request.name}`;
    if (fault !== 'none') this.#recorder.note(`${what} will be ${fault}`, null);
    return new Promise<T>((resolve, reject) => {
      const trip: Trip<T> = { process, request, what, thereMs, outMs, resolve, reject, isFaulty: fault !== 'none' };
      this.#travel(trip, fault);
    });
  }

  /** Sends one that nothing befalls but time. */
  sendCalmly<T>(process: Process, effect: () => Promise<T>): Promise<T> {
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

  #draw(isOut: boolean, canSpoil: boolean): Fault {
    const dice = this.#dice;
    const isFaulty = !this.calm && (dice.chance(this.#weather.faultProbability) || isOut);
    if (!isFaulty) return 'none';
    const fault = isOut ? dice.pick(OUTAGE) : dice.pick<Fault>(canSpoil ? SPOILING : FAULTS);
    const number = this.drawn;
    this.drawn += 1;
    if (this.#without.has(number)) return 'none';
    this.#recorder.count('faults');
    this.#recorder.count(fault);
    return fault;
  }

  #travel<T>(trip: Trip<T>, fault: Fault): void {
    const { thereMs, request, reject } = trip;
    const timeoutMs = thereMs + this.#dice.magnitude(10, this.#weather.timeoutMs);
    const unanswered = () =>
      this.#deliver(trip, timeoutMs, false, () => reject(new UnansweredError(`${request.name}: no answer`)));
    switch (fault) {
      case 'dropped':
        unanswered();
        break;
      case 'lost':
        this.#takeEffect(trip, thereMs, ' (answer lost)', false, () => {});
        unanswered();
        break;
      case 'late': {
        const lateMs = this.#lateMs(trip) + (trip.outMs > 0 ? 0 : timeoutMs);
        this.#takeEffect(trip, lateMs, ' (late)', true, () => {});
        unanswered();
        break;
      }
      case 'throttled':
      case 'unavailable': {
        const code = fault === 'throttled' ? 'THROTTLED' : 'STORE_UNAVAILABLE';
        const refuse = () => reject(new MillraceError(code, `${request.name}: not now`));
        this.#deliver(trip, thereMs, true, refuse);
        break;
      }
      default:
        this.#answer(trip, fault);
    }
  }

  #answer<T>(trip: Trip<T>, fault: 'none' | 'repeated' | 'spoilt'): void {
    const { request, resolve, reject } = trip;
    this.#takeEffect(trip, trip.thereMs, '', false, (value, error) => {
      const settle = () => {
        if (error !== undefined) reject(error);
        else resolve(fault === 'spoilt' ? request.spoil!(value!) : value!);
      };
      this.#deliver(trip, this.#wayMs(), true, settle);
      // An answered refusal is final: a store that refuses a request, says so, and lets a copy of it land later would be a hidden retry, which the ports forbid. A copy of what did land may
      // come at any time.
      if (fault === 'repeated' && error === undefined && !isRefusal(value))
        this.#takeEffect(trip, this.#lateMs(trip), ' (again)', true, () => {});
    });
  }

  #deliver<T>({ process, request }: Trip<T>, delayMs: number, isAnswered: boolean, settle: () => void): void {
    this.#time.schedule(delayMs, () =>
      process.whenRunning(() => {
        // HTTP dates are cut to the second.
        if (isAnswered) request.serverClock?.observe(Math.floor((START_MS + this.#time.nowMs) / 1000) * 1000);
        settle();
      }),
    );
  }

  #takeEffect<T>(
    { request, what, isFaulty }: Trip<T>,
    delayMs: number,
    how: string,
    isLate: boolean,
    after: (value: T | undefined, error?: unknown) => void,
  ): void {
    this.#time.schedule(delayMs, () => {
      request.effect({ isFaulty, isLate }).then(
        (value) => {
          this.#recorder.note(`${what}${how}`, value);
          after(value);
        },
        (error: unknown) => {
          this.#recorder.note(`${what}${how} failed`, String(error));
          after(undefined, error);
        },
      );
    });
  }

  /** How much longer nothing of a process is answered; each has its outages at times of its own. */
  #outMs({ name }: Process): number {
    const { outageEveryMs, outageMs } = this.#weather;
    if (!Number.isFinite(outageEveryMs)) return 0;
    const shiftMs = 700 * name.charCodeAt(name.length - 1);
    return Math.max(0, outageMs - ((this.#time.nowMs + shiftMs) % outageEveryMs));
  }

  #wayMs(): number {
    const isSlow = this.#dice.chance(this.#weather.slowProbability);
    return this.#dice.magnitude(1, isSlow ? 2_000 : this.#weather.latencyMs);
  }

  /** What an outage has held back comes when it is over. */
  #lateMs({ thereMs, outMs }: Pick<Trip<never>, 'thereMs' | 'outMs'>): number {
    const dice = this.#dice;
    return thereMs + (outMs > 0 ? outMs + dice.between(0, 1_500) : dice.magnitude(1, this.#weather.lateMs));
  }
}

/** One request under way. */
interface Trip<T> {
  readonly process: Process;
  readonly request: Request<T>;
  readonly what: string;
  readonly thereMs: number;
  readonly outMs: number;
  readonly isFaulty: boolean;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

function isRefusal(value: unknown): boolean {
  const isOtherWord = typeof value === 'string' && value !== 'done' && value !== 'created';
  return value === false || isOtherWord || (value as { outcome?: string } | null | undefined)?.outcome === 'refused';
}

/** Faults of requests are counted, and left out by their number, to find those that matter. */
export class LeftOutFaults {
  readonly #without: ReadonlySet<number>;
  readonly #onFault: () => void;
  #count = 0;

  /** @param onFault Told of each that happens. */
  constructor(without: ReadonlySet<number>, onFault: () => void) {
    this.#without = without;
    this.#onFault = onFault;
  }

  /** Whether the fault that was drawn now does not happen. */
  next(): boolean {
    const number = this.#count;
    this.#count += 1;
    if (this.#without.has(number)) return true;
    this.#onFault();
    return false;
  }
}

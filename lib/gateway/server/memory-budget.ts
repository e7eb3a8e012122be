/**
 * Memory for requests, or for answers, shared by all connections. What is large gets all that it takes before it begins, so that two halves never wait for each other; what is small is counted when it is
 * there. Who waits is served in order, but small ones do not wait for large ones while there is room.
 */
export class MemoryBudget {
  readonly #totalBytes: number;
  readonly #smallBytes: number;
  #usedBytes = 0;
  readonly #waiting: { readonly bytes: number; readonly begin: () => void }[] = [];

  constructor(totalBytes: number, smallBytes = 0) {
    this.#totalBytes = totalBytes;
    this.#smallBytes = smallBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether more is in use than there should be. */
  get isFull(): boolean {
    return this.#usedBytes > this.#totalBytes;
  }

  /** Whether more than half of it is in use: what need not be kept is better let go of. */
  get isScarce(): boolean {
    return this.#usedBytes > this.#totalBytes / 2;
  }

  /** Counts what is there already. The result takes it back. */
  count(bytes: number): () => void {
    this.#usedBytes += bytes;
    return () => {
      this.#usedBytes -= bytes;
      this.#serve();
    };
  }

  /** Calls `begin` when the bytes are there, at once if it can. One that is larger than all there is waits until nothing is in use. The result takes it back, once. */
  take(bytes: number, begin: () => void): () => void {
    const claim = { bytes, begin };
    const isFirst = this.#waiting.length === 0 || bytes <= this.#smallBytes;
    if (isFirst && this.#fits(bytes)) this.#begin(claim);
    else this.#waiting.push(claim);
    let isGivenBack = false;
    return () => {
      if (isGivenBack) return;
      isGivenBack = true;
      const place = this.#waiting.indexOf(claim);
      if (place >= 0) this.#waiting.splice(place, 1);
      else this.#usedBytes -= bytes;
      this.#serve();
    };
  }

  #fits(bytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + bytes <= this.#totalBytes;
  }

  #begin({ bytes, begin }: { readonly bytes: number; readonly begin: () => void }): void {
    this.#usedBytes += bytes;
    begin();
  }

  #serve(): void {
    while (!this.isFull) {
      const isNext = ({ bytes }: { readonly bytes: number }, place: number) =>
        (place === 0 || bytes <= this.#smallBytes) && this.#fits(bytes);
      const place = this.#waiting.findIndex(isNext);
      if (place < 0) return;
      const [claim] = this.#waiting.splice(place, 1);
      this.#begin(claim!);
    }
  }
}

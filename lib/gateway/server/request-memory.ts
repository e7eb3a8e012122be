/**
 * Memory for requests, shared by all connections. A large request gets all that it takes before it is received, so that two half received ones never wait for each
 * other; small ones are counted when they are there. Who waits is served in order.
 */
export class RequestMemory {
  readonly #totalBytes: number;
  #usedBytes = 0;
  readonly #waiting: { readonly bytes: number; readonly begin: () => void }[] = [];

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether more is in use than there should be, or others wait. */
  get isFull(): boolean {
    return this.#usedBytes > this.#totalBytes || this.#waiting.length > 0;
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
    if (this.#waiting.length === 0 && this.#fits(bytes)) this.#begin(claim);
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
    while (this.#waiting[0] && this.#fits(this.#waiting[0].bytes)) this.#begin(this.#waiting.shift()!);
  }
}

import disk from 'node:fs';

/**
 * Brings a file to the disk for all who wait: who asks while that is under way waits for the next time, together with the others.
 *
 * After an error every later call is refused with it. The kernel tells of what it could not write once, to one of those who ask, and takes it for written from
 * then on. Source: fsync(2) of Linux, "Errors"; PostgreSQL wiki, "Fsync Errors".
 */
export class SharedSync {
  readonly #descriptor: number;
  #underWay: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;

  /** The descriptor stays open for as long as somebody waits. */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** All that was written before this call is on the disk when this resolves. Throws the file system's errors. */
  sync(): Promise<void> {
    this.#next ??= this.#underWay.then(() => {
      this.#underWay = this.#next!;
      this.#next = null;
      return syncData(this.#descriptor);
    });
    return this.#next;
  }
}

function syncData(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    disk.fdatasync(descriptor, (error) => (error ? reject(error) : resolve()));
  });
}

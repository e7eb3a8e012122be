/** A promise that tells when somebody waits for it: who does is told of a failure, and who does not is not. */
export class AwaitedPromise<T> extends Promise<T> {
  #onAwaited: () => void = () => {};

  /** What is made of it waits by itself. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** Settles as `of` does. A failure that nobody waits for ends no process. */
  static over<T>(of: Promise<T>, onAwaited: () => void): AwaitedPromise<T> {
    const promise = new AwaitedPromise<T>((resolve) => resolve(of));
    promise.catch(() => {});
    promise.#onAwaited = onAwaited;
    return promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: `await` calls it.
  override then<R = T, E = never>(
    onFulfilled?: ((value: T) => R | PromiseLike<R>) | null,
    onRejected?: ((reason: unknown) => E | PromiseLike<E>) | null,
  ): Promise<R | E> {
    this.#onAwaited();
    return super.then(onFulfilled, onRejected);
  }
}

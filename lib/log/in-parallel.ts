/**
 * Runs `action` for each item, `limit` at once. After a failure nothing new is started, and the first failure is thrown once all that ran has ended, so that
 * nothing goes on behind the caller's back.
 */
export async function inParallel<T>(
  items: Iterable<T>,
  limit: number,
  action: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const work = async () => {
    for (let next = iterator.next(); !next.done && failures.length === 0; next = iterator.next()) {
      try {
        await action(next.value);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, work));
  if (failures.length > 0) throw failures[0];
}

/** As `inParallel`, with what the actions bring, in the order of the items. */
export async function mapInParallel<T, R>(
  items: readonly T[],
  limit: number,
  action: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = new Array(items.length);
  await inParallel(items.entries(), limit, async ([index, item]) => {
    results[index] = await action(item);
  });
  return results;
}

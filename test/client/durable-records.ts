/** Records of the processes that are killed: a value tells who sent it, and as which. */

export const DURABLE_TOPIC = 'durable';

/** Some go into the head itself, some into segments. */
export function durableValue(run: string, number: number): string {
  return `${run}/${number}/${'x'.repeat(number % 97 === 0 ? 3_000 : number % 60)}`;
}

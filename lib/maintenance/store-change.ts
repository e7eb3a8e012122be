/** Whether anything was written between two passes over all heads: a sum that another state has not, in a few bytes. Pure. */
import type { Head } from '../log/head.ts';
import { type PartitionKey, partitionPk } from '../log/partition-key.ts';
import { crc32c } from '../record/crc32c.ts';

/** Sums are taken modulo this, so that they stay exact. */
export const SUM_LIMIT = 2 ** 48;

const encoder = new TextEncoder();

/** What a head adds. The sum over all heads does not depend on their order. */
export function headSum(partition: PartitionKey, { next, start }: Head): number {
  return crc32c(encoder.encode(`${partitionPk(partition)} ${start} ${next}`));
}

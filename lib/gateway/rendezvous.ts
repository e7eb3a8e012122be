import { xxhash32 } from '../record/xxhash32.ts';

/**
 * Which of several nodes a key belongs to: everybody who knows the same nodes says the same, and when one comes or goes only what is its own moves. Source: rendezvous hashing, Thaler and Ravishankar 1998.
 *
 * Undefined without nodes.
 */
export function rendezvous<N extends { readonly nodeId: number }>(key: string, nodes: Iterable<N>): N | undefined {
  let best: N | undefined;
  let bestScore = -1;
  for (const node of nodes) {
    const score = xxhash32(Buffer.from(`${node.nodeId} ${key}`)) >>> 0;
    const isAbove = score > bestScore || (score === bestScore && node.nodeId < best!.nodeId);
    if (isAbove) [best, bestScore] = [node, score];
  }
  return best;
}

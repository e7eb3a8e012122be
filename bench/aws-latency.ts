/** How long AWS takes, as rough public figures say: no measurements of ours. */

/** Milliseconds, [median, 99th percentile]. */
export type Latency = readonly [p50Ms: number, p99Ms: number];

/** Requests by service and method, and ways of a call of Lambda that is warm. */
export const LATENCIES = {
  s3: { PUT: [60, 200], GET: [25, 100], HEAD: [20, 80], POST: [60, 200], DELETE: [40, 150] },
  /** For a gateway: slower at the median, and steadier. */
  s3Slow: { PUT: [100, 195], GET: [63, 78], HEAD: [63, 78], POST: [100, 195], DELETE: [63, 78] },
  dynamodb: { POST: [4, 15] },
  lambda: {
    /** From a synchronous call to the handler. */
    invoke: [12, 60],
    /** From the answer to an asynchronous call to the handler: the queue between them. */
    queue: [30, 150],
  },
} as const satisfies Record<string, Record<string, Latency>>;

/** The 99th percentile of the normal distribution. */
const P99_SIGMAS = 2.3263;

function gaussian(fraction: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - fraction())) * Math.cos(2 * Math.PI * fraction());
}

/** One of a lognormal distribution. */
export function drawMs([p50Ms, p99Ms]: Latency, fraction: () => number): number {
  return p50Ms * Math.exp((Math.log(p99Ms / p50Ms) / P99_SIGMAS) * gaussian(fraction));
}

import { describe, expect, it } from 'vitest';
import { embeddedMetricLine, embeddedMetricWriter } from '../../../lib/event-source/metrics/embedded-metric-format.ts';
import type { MetricReport } from '../../../lib/event-source/metrics/event-source-metrics.ts';
import { METRICS } from '../../../lib/event-source/metrics/metric-names.ts';
import { prices } from '../../../lib/prices.ts';
import { readDocument } from '../../docs/markdown.ts';

const report: MetricReport = {
  atMs: 1_794_000_000_123,
  subscription: 'billing',
  partition: null,
  values: new Map([
    ['InvokedEventCount', [12]],
    ['IteratorAge', [3, 40]],
  ]),
};

describe('the embedded metric format', () => {
  it('is what CloudWatch takes metrics from: names with units, dimensions, and their values beside', () => {
    expect(JSON.parse(embeddedMetricLine(report))).toEqual({
      _aws: {
        Timestamp: 1_794_000_000_123,
        CloudWatchMetrics: [
          {
            Namespace: 'Millrace',
            Dimensions: [['Subscription']],
            Metrics: [
              { Name: 'InvokedEventCount', Unit: 'Count' },
              { Name: 'IteratorAge', Unit: 'Milliseconds' },
            ],
          },
        ],
      },
      Subscription: 'billing',
      InvokedEventCount: 12,
      IteratorAge: [3, 40],
    });
  });

  it('counts a partition for itself and for its subscription', () => {
    const line = JSON.parse(embeddedMetricLine({ ...report, partition: 7 }, { namespace: 'Shop' }));
    expect(line).toMatchObject({ Subscription: 'billing', Partition: '7' });
    expect(line._aws.CloudWatchMetrics[0]).toMatchObject({
      Namespace: 'Shop',
      Dimensions: [['Subscription'], ['Subscription', 'Partition']],
    });
  });

  it('has one line for each report, and nothing before it', () => {
    const lines: string[] = [];
    embeddedMetricWriter((line) => void lines.push(line)).write(report);
    expect(lines).toEqual([`${embeddedMetricLine(report)}\n`]);
    expect(lines[0]).toMatch(/^\{.*\}\n$/);
  });

  it('costs what its comment says', () => {
    const comment = readDocument('lib/event-source/metrics/embedded-metric-format.ts').text;
    const count = Object.keys(METRICS).length;
    expect(comment).toContain(`up to ${count} of them, $${(count * prices.cloudWatchMetricMonth).toFixed(2)} a month`);
    const values = new Map(Object.keys(METRICS).map((name) => [name, [123]])) as MetricReport['values'];
    const lineBytes = embeddedMetricLine({ ...report, values }).length;
    expect((40_000 * lineBytes * 0.5) / 1e9).toBeLessThan(0.04);
  });
});

import { describe, expect, it } from 'vitest';
import { EventSourceMetrics } from '../../lib/event-source/metrics/event-source-metrics.ts';
import { metricsByVariable } from '../../lib/middleware/embedded-metrics.ts';

describe('the variable MILLRACE_METRICS', () => {
  it('has a function that pulls write metrics, where it asks for them', () => {
    for (const text of ['subscription', 'partition'])
      expect(metricsByVariable(text)).toBeInstanceOf(EventSourceMetrics);
    for (const text of ['none', '', undefined]) expect(metricsByVariable(text)).toBeUndefined();
  });
});

/** A reporter of vitest that leaves what it saw as JSON for run-tests.ts, in the file that `MILLRACE_TEST_REPORT` names. */
import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';
import type { FileResult } from './test-results.ts';

function resultOf(module: TestModule): FileResult {
  const states = [...module.children.allTests()].map((test) => test.result().state);
  const count = (wanted: string) => states.filter((state) => state === wanted).length;
  const passed = count('passed');
  const failed = count('failed');
  // A file can fail outside every test: it does not load, or a hook of the whole file throws.
  const failedAlone = failed === 0 && module.state() === 'failed' ? 1 : 0;
  return {
    path: module.relativeModuleId,
    kind: kindOf(module.relativeModuleId),
    passed,
    failed: failed + failedAlone,
    skipped: states.length - passed - failed,
    durationMs: module.diagnostic().duration,
  };
}

/** The kind that a test file's suffix or folder names; plain `.test.ts` is `unit`. */
function kindOf(path: string): string {
  if (path.startsWith('test/clients/')) return 'clients';
  return /\.(\w+)\.test\.ts$/.exec(path)?.[1] ?? 'unit';
}

/** Writes the results of all files when the run ends. */
export default class TestReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const path = process.env.MILLRACE_TEST_REPORT;
    if (path !== undefined) writeFileSync(path, JSON.stringify(modules.map(resultOf)));
  }
}

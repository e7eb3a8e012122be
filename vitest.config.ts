import { defineConfig } from 'vitest/config';

// Files that this machine cannot run: tools/run-tests.ts finds them, passes them here, and names them in its summary.
const leftOut = process.env.MILLRACE_TEST_LEFT_OUT?.split(',') ?? [];

// The suffix of a test file says its kind; each kind is a project, so that `vitest run --project <kind>` runs one.
const project = (
  name: string,
  include: string[],
  options: { exclude?: string[]; testTimeout?: number; globalSetup?: string[] } = {},
) => ({
  test: {
    name,
    include,
    exclude: ['**/node_modules/**', ...leftOut, ...(options.exclude ?? [])],
    testTimeout: options.testTimeout ?? 30_000,
    hookTimeout: 60_000,
    ...(options.globalSetup && { globalSetup: options.globalSetup }),
  },
});

const special = [
  'test/**/*.long.test.ts',
  'test/**/*.mutants.test.ts',
  'test/**/*.emulator.test.ts',
  'test/clients/**',
  'test/**/*.counts.test.ts',
  'test/**/*.chaos.test.ts',
  'test/**/*.browser.test.ts',
  'test/**/*.deploy.test.ts',
  'test/constructs/**',
];

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      project('unit', ['test/**/*.test.ts'], { exclude: special }),
      // A second or two for each file, to load the CDK.
      project('constructs', ['test/constructs/**/*.test.ts'], { testTimeout: 120_000 }),
      project('counts', ['test/**/*.counts.test.ts'], { testTimeout: 120_000 }),
      project('emulator', ['test/**/*.emulator.test.ts'], { testTimeout: 60_000 }),
      project('chaos', ['test/**/*.chaos.test.ts'], { testTimeout: 240_000 }),
      project('deploy', ['test/**/*.deploy.test.ts'], {
        testTimeout: 240_000,
        globalSetup: ['test/deploy/build-functions.ts'],
      }),
      project('browser', ['test/**/*.browser.test.ts']),
      project('clients', ['test/clients/**/*.test.ts'], { testTimeout: 180_000 }),
      project('mutants', ['test/**/*.mutants.test.ts'], { testTimeout: 300_000 }),
      project('long', ['test/**/*.long.test.ts'], { testTimeout: 3_600_000 }),
    ],
  },
});

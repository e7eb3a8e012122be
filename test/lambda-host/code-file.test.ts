import { describe, expect, it } from 'vitest';
import { isCodeFile } from '../../lib/lambda-host/code-file.ts';

/** `millrace dev > dev.log` beside its function wrote that the function was reloaded, and so reloaded it for ever. */
describe('a file beside a function', () => {
  it.each(['f.ts', 'f.mjs', 'f.cts', 'page.tsx', 'config.json', 'addon.node', '.env'])('%s reloads it', (name) => {
    expect(isCodeFile(name)).toBe(true);
  });

  it.each(['dev.log', 'dev.out', 'nohup.out', 'log.sqlite-wal', 'ts', '.f.ts.swp'])('%s does not', (name) => {
    expect(isCodeFile(name)).toBe(false);
  });
});

import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { withProgress } from '../../lib/cli/maintenance-progress.ts';
import { maintenanceStage } from '../maintenance/maintenance-stage.ts';

/** A log with one partition whose retention drops something, and a stream that is a terminal or not. */
async function underWay({ isTTY, json = false }: { readonly isTTY: boolean; readonly json?: boolean }) {
  const stage = maintenanceStage();
  const [partition] = await stage.topic('clicks', { config: { 'retention.bytes': '1' } });
  await stage.append(partition!, ['a', 'b']);
  let told = '';
  const write = (chunk: Buffer, _: unknown, done: () => void) => {
    told += chunk.toString();
    done();
  };
  const stderr = Object.assign(new Writable({ write }), { isTTY, columns: 40 });
  const context = { io: { stderr }, json } as unknown as Parameters<typeof withProgress>[0];
  const jobs = ['retention'] as const;
  const run = async () => {
    await stage.base.jobs.take('retention', { owner: 'me', seen: 0, nowMs: 1, expiresAtMs: stage.clock.nowMs() + 1e9 });
    // Until it was looked at a few times.
    for (let turn = 0; turn < 200; turn++) await Promise.resolve();
    return 'done';
  };
  expect(await withProgress(context, { deps: stage.deps, jobs }, run)).toBe('done');
  return told;
}

describe('the progress of maintenance', () => {
  it('is one line on a terminal, no wider than that, and is gone in the end', async () => {
    const told = await underWay({ isTTY: true });
    expect(told).toContain('\r\x1b[Kretention: begins');
    expect(told.endsWith('\r\x1b[K')).toBe(true);
    for (const line of told.split('\r\x1b[K')) expect(line.length).toBeLessThan(40);
  });

  it('is nothing elsewhere, and nothing for programs', async () => {
    expect(await underWay({ isTTY: false })).toBe('');
    expect(await underWay({ isTTY: true, json: true })).toBe('');
  });

  it('is gone where the job fails, too', async () => {
    const stage = maintenanceStage();
    let told = '';
    const stderr = Object.assign(
      new Writable({
        write(chunk, _, done) {
          told += String(chunk);
          done();
        },
      }),
      { isTTY: true },
    );
    const context = { io: { stderr }, json: false } as unknown as Parameters<typeof withProgress>[0];
    const failing = withProgress(context, { deps: stage.deps, jobs: ['collection'] }, async () => {
      throw new Error('failed');
    });
    await expect(failing).rejects.toThrow('failed');
    expect(told.endsWith('\r\x1b[K')).toBe(true);
  });
});

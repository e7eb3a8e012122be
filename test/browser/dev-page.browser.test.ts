/** The page of `millrace dev` as a person uses it: a real process, a real browser, one step after another. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contrasts } from './contrast.ts';
import { type DevProcess, startDevProcess } from './dev-process.ts';
import { openWatchedPage, type WatchedPage } from './watched-page.ts';

let dev: DevProcess;
let seen: WatchedPage;
beforeAll(async () => {
  dev = await startDevProcess();
  seen = await openWatchedPage(dev.address);
});
afterAll(() => seen?.close());

const send = async (key: string, value: string) => {
  await seen.fill('key', key);
  await seen.fill('value', value);
  await seen.press('Send');
};

describe('the page of millrace dev', () => {
  it('is there within five seconds, at the address that is printed', async () => {
    expect(dev.readyMs).toBeLessThan(5_000);
    await seen.reads('#state', /^up to date$/);
    expect(dev.output()).toMatch(/^page +http:.*\nlog +file:.*\nfunctions +bill$/m);
  });

  it('shows topics, makes one, and shows the records of one', async () => {
    await seen.reads('main', /orders\s+2\s+0/);
    await seen.fill('name', 'invoices');
    await seen.press('Create');
    await seen.reads('main', /invoices\s+1\s+0/);
    await seen.press('orders');
    await seen.reads('main h2', /^orders$/);
    await send('ada', '{"id":1,"total":10}');
    // JSON is shown with its structure.
    await seen.reads('main', /ada\s+\{\n\s*"id": 1,\n\s*"total": 10\n\}/);
    await send('bob', 'bad <b>one</b>');
    // What is in a record stays text.
    await seen.reads('main', /bob\s+bad <b>one<\/b>/);
    await send('bob', 'bad two');
    await seen.reads('main', /bad two/);
  });

  it('shows what happens', async () => {
    await seen.reads('#news', /billing: 1 record handed over in \d+ ms\n/);
    await seen.reads('#news', /billing: 1 given up: RangeError: cannot bill bad two/);
  });

  it('shows groups with their lag', async () => {
    await seen.press('Groups');
    await seen.reads('main', /billing\s+subscription, empty/);
    await seen.reads('main', /orders\s+\d\s+\d\s+\d\s+0\s+0\.0 s/);
  });

  it('shows subscriptions with their state and metrics', async () => {
    await seen.press('Subscriptions');
    await seen.reads('main', /billing\s+on\s+2 dead letters\s+pause/);
    await seen.reads('main', /topic orders → function bill\s+Nothing is left to do\./);
    await seen.reads('main', /PolledEventCount\s+3\s+InvokedEventCount\s+3\s+FailedInvokeEventCount\s+2/);
    await seen.reads('main', /OnFailureDestinationDeliveredEventCount\s+2/);
  });

  it('shows dead letters, sends one back when its function is corrected, and discards another', async () => {
    await seen.press('2 dead letters');
    await seen.reads('main', /orders-\d@\d[\s\S]*bad <b>one<\/b>\s+RangeError: cannot bill bad <b>one<\/b>/);
    dev.mendFunction();
    await seen.reads('#news', /bill: reloaded/);
    const letters = () => seen.page.$$eval('main tbody tr', (rows) => rows.length);
    expect(await letters()).toBe(2);
    await seen.press('Send back');
    await expect.poll(letters, { timeout: 15_000 }).toBe(1);
    await seen.press('Discard');
    await seen.reads('main', /Nothing here\./);
    await seen.press('Subscriptions');
    await seen.reads('main', /billing\s+on\s+0 dead letters/);
  });

  it('pauses a subscription and resumes it, and shows how far it falls behind meanwhile', async () => {
    await seen.press('pause');
    await seen.reads('main', /billing\s+paused\s+0 dead letters\s+resume/);
    await seen.press('orders');
    await send('cyd', 'later');
    await seen.reads('main', /later/);
    await seen.press('Subscriptions');
    await seen.reads('main', /1 record behind, the oldest for \d+\.\d s in partition \d\./);
    await seen.press('resume');
    await seen.reads('main', /Nothing is left to do\./);
  });

  it('has had no trouble so far: no error, and not one request to elsewhere', () => {
    expect(seen.troubles()).toEqual([]);
  });

  it('says in words what it cannot do', async () => {
    await seen.press('Topics');
    await seen.fill('name', 'not a name');
    await seen.press('Create');
    await seen.reads('#toast', /not a name/);
    await seen.reads('#toast', /\. \w/);
    // Chromium writes a line for it too.
    for (const trouble of seen.troubles()) expect(trouble).toMatch(/400/);
  });

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 390],
  ] as const)('can be read: %s, %i pixels wide', async (scheme, width) => {
    await seen.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await seen.page.setViewport({ width, height: 800 });
    for (const view of ['Topics', 'Groups', 'Subscriptions', 'Dead letters']) {
      await seen.press(view);
      await seen.reads('nav [aria-current]', new RegExp(`^${view}$`));
      const isWider = await seen.page.evaluate('document.documentElement.scrollWidth > innerWidth');
      expect(isWider, `${view} is wider than its window`).toBe(false);
      const shown = await contrasts(seen.page);
      expect(shown.length).toBeGreaterThan(10);
      // The measure itself can tell: not all of it is black on white.
      expect(Math.min(...shown.map(({ ratio }) => ratio))).toBeLessThan(12);
      // WCAG 2.1, 1.4.3: 4.5 to 1 for text of this size.
      expect(shown.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
      await seen.picture(`dev-${view.toLowerCase().replace(' ', '-')}-${scheme}-${width}`);
    }
  });

  it('says when nobody answers any more, and its process ends cleanly', async () => {
    const { code, complaint } = await dev.stop();
    expect(code).toBe(0);
    expect(complaint).toBe('');
    await seen.reads('#state', /^no answer: /);
  });
});

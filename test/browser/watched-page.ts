/** A page in a headless Chromium that notes everything that should not happen: errors, answers that are none, requests to elsewhere. */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { ENABLE_CHROMIUM, findChromium } from '../../tools/chromium.ts';

const PICTURES = fileURLToPath(new URL('../../.cache/pictures/', import.meta.url));
const TIMEOUT_MS = 15_000;

/** See the top of this file. */
export interface WatchedPage {
  readonly page: Page;
  /** What should not have happened, since it was asked last. */
  troubles(): readonly string[];
  /** What a person reads in an element: text that is shown, in its lines. */
  textOf(selector: string): Promise<string>;
  /** Waits until that text has what is looked for. */
  reads(selector: string, pattern: RegExp): Promise<void>;
  /** Clicks on the link, tab or button of that name. */
  press(name: string): Promise<void>;
  fill(field: string, text: string): Promise<void>;
  /** A picture for people to look at, in `.cache/pictures`. */
  picture(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Opens it. Throws, with what to do, where there is no Chromium. */
export async function openWatchedPage(address: string): Promise<WatchedPage> {
  const executablePath = findChromium(process.env);
  if (executablePath === null) throw new Error(`there is no Chromium: ${ENABLE_CHROMIUM}`);
  const browser: Browser = await puppeteer.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  const page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  let troubles: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warn') troubles.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => troubles.push(`thrown: ${(error as Error).message}`));
  page.on('request', (request) => {
    const isHere = request.url().startsWith(`${address}/`) || request.url().startsWith('data:');
    if (!isHere) troubles.push(`asked elsewhere: ${request.url()}`);
  });
  page.on('requestfailed', (request) => troubles.push(`no answer: ${request.url()}`));
  page.on('response', (response) => {
    if (response.status() >= 400) troubles.push(`${response.status()}: ${new URL(response.url()).pathname}`);
  });
  const textOf = (selector: string) =>
    page.$eval(selector, (element) => (element as unknown as { innerText: string }).innerText);
  await page.goto(`${address}/`);
  return {
    page,
    troubles() {
      const told = troubles;
      troubles = [];
      return told;
    },
    textOf,
    async reads(selector, pattern) {
      const endMs = performance.now() + TIMEOUT_MS;
      while (!pattern.test(await textOf(selector))) {
        if (performance.now() > endMs) throw new Error(`${selector} has no ${pattern}:\n${await textOf(selector)}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    press: (name) => page.locator(`::-p-xpath(//*[self::a or self::button][normalize-space()="${name}"])`).click(),
    fill: (field, text) => page.locator(`[name="${field}"]`).fill(text),
    async picture(name) {
      mkdirSync(PICTURES, { recursive: true });
      await page.screenshot({ path: `${PICTURES}${name}.png`, fullPage: true });
    },
    close: () => browser.close(),
  };
}

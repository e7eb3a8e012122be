import { readFileSync } from 'node:fs';
import type { Page } from 'puppeteer-core';

/** A piece of text that is shown, and how well it stands out: 1 not at all, 21 black on white. */
export interface Contrast {
  readonly text: string;
  readonly ratio: number;
}

const IN_PAGE = readFileSync(new URL('./contrast-in-page.js', import.meta.url), 'utf8');

/** Every element with text of its own that is shown. */
export function contrasts(page: Page): Promise<readonly Contrast[]> {
  return page.evaluate(IN_PAGE) as Promise<readonly Contrast[]>;
}

/** The documents of the project, taken apart as far as their tests need it. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A document by its path below the project's folder. */
export interface Document {
  readonly path: string;
  readonly text: string;
}

/** A fenced block: what stands behind the fence, and the lines between. */
export interface CodeBlock {
  readonly language: string;
  readonly text: string;
}

/** One document. */
export function readDocument(path: string): Document {
  return { path, text: readFileSync(join(ROOT, path), 'utf8') };
}

/** Every document that people read, in the order of their paths. */
export function readDocuments(): readonly Document[] {
  const found = [...globSync('*.md', { cwd: ROOT }), ...globSync('docs/**/*.md', { cwd: ROOT })];
  return found
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
    .map(readDocument);
}

/** The fenced blocks of a text, of one language. */
export function codeBlocks(text: string, language: string): readonly CodeBlock[] {
  const blocks = [...text.matchAll(/^```([\w-]*)\n([\s\S]*?)^```$/gm)];
  return blocks
    .map(([, found = '', body = '']) => ({ language: found, text: body }))
    .filter((block) => block.language === language);
}

/** The text without its fenced blocks. */
export function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}

/** All code of a text: in blocks and in lines. */
export function codeOf(text: string): string {
  const blocks = [...text.matchAll(/^```[\w-]*\n([\s\S]*?)^```$/gm)].map(([, body = '']) => body);
  const spans = [...withoutCode(text).matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
  return [...blocks, ...spans].join('\n');
}

/** Targets of a text's links that stay in the project, without anchors. */
export function relativeLinks(text: string): readonly string[] {
  const targets = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target)).map((target) => target.replace(/#.*$/, ''));
}

/** The headings of a text as the anchors that GitHub makes of them. */
export function anchors(text: string): readonly string[] {
  const headings = [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

/** Rows of the first table below a heading, each as its cells; without head and rule. */
export function tableBelow(text: string, heading: string): readonly (readonly string[])[] {
  const start = `\n${text}`.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`there is no line ${heading}`);
  const lines = text.slice(start).split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const rest = lines.slice(first);
  const end = rest.findIndex((line) => !line.startsWith('|'));
  return rest
    .slice(2, end < 0 ? undefined : end)
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()));
}

/** `node test/docs/write-docs.ts [FILE…]`: runs the commands of the documents and measures what they state, and writes what came out into them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consoleSteps, consoleText, runSteps } from './console-block.ts';
import { withGeneratedBlocks } from './generated-blocks.ts';
import { codeBlocks, ROOT, readDocument, readDocuments } from './markdown.ts';

/** All console blocks of a document run in one directory, in their order. */
async function withConsoleOutput(text: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-docs-'));
  let written = text;
  try {
    for (const block of codeBlocks(text, 'console')) {
      const ran = await runSteps(consoleSteps(block.text), directory);
      written = written.replace(block.text, () => consoleText(ran));
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  return written;
}

// Commands wrap their help at the width of a terminal; the documents have 80 columns.
process.stdout.columns = 80;

const named = process.argv.slice(2);
for (const { path, text } of named.length > 0 ? named.map(readDocument) : readDocuments()) {
  const written = await withConsoleOutput(await withGeneratedBlocks(text));
  if (written === text) continue;
  writeFileSync(join(ROOT, path), written);
  console.log(`wrote ${path}`);
}

/** `millrace inspect …`: what stands in segments, packs and record batches, byte by byte. */
import { addHelpCommand, type CliCommand } from './cli-command.ts';
import { action } from './cli-context.ts';
import type { CliIo } from './cli-io.ts';
import { batchesText, inspectBatchAt, inspectBatches } from './inspect-batch.ts';
import { inspectPack, packText } from './inspect-pack.ts';
import { inspectSegment, segmentText } from './inspect-segment.ts';
import { parseCount } from './parse-values.ts';
import { readInspected, readInspectedFile } from './read-inspected.ts';

interface BatchOptions {
  readonly records?: boolean;
  readonly position?: number;
}

/** Adds `inspect` and its subcommands. */
export function addInspectCommands(program: CliCommand, io: CliIo): void {
  const inspect = program
    .command('inspect')
    .description(
      'Look into segments, record batches and packs. Their checksums are verified; of the objects in a pack, only inspect segment verifies them.',
    )
    .examples(
      'millrace inspect segment shared/0/d/2026112403/01M85R0AVPE51J1SXKYSS41RJY',
      'millrace inspect pack .millrace/packs/0000000001.pack',
      'millrace inspect batch 00000000000000000000.log --records',
    );
  addHelpCommand(inspect);
  inspect
    .command('segment <file-or-key>')
    .description(
      'Show the index of a segment object and the record batches of its regions: of a file, else of the object of the store under this key. At level 0 their offsets are those that the producer wrote, and the true ones are in the index of the log; at level 1 they are the true ones.',
    )
    .examples(
      'millrace inspect segment shared/0/d/2026112403/01M85R0AVPE51J1SXKYSS41RJY',
      "millrace inspect segment shared/0/d/2026112403/01M85R0AVPE51J1SXKYSS41RJY --store 'aws:?bucket=b&table=t'",
    )
    .action(
      action<[string], object>(io, async (context, [source]) => {
        const segment = inspectSegment(await readInspected(context, source));
        await context.print(segment, () => segmentText(segment));
      }),
    );
  inspect
    .command('batch <file>')
    .description('Show the record batches that stand back to back in a file, or the one at a position of it.')
    .option('-r, --records', 'show their records too')
    .option(
      '--position <byte>',
      'only the batch that begins at this byte of the file; inspect segment shows those of a segment',
      parseCount('--position', 0),
    )
    .examples(
      'millrace inspect batch 00000000000000000000.log --records',
      'millrace inspect batch .millrace/packs/0000000001.pack --position 71 -r',
    )
    .action(
      action<[string], BatchOptions>(io, async (context, [file], { records = false, position }) => {
        const bytes = await readInspectedFile(file);
        const batches =
          position === undefined ? inspectBatches(bytes, records) : [inspectBatchAt(bytes, position, records)];
        await context.print(batches, () => batchesText(batches));
      }),
    );
  inspect
    .command('pack <file>')
    .description(
      'Show the objects of a pack, a file in which a store in the file system keeps small objects: their keys, the positions of their first bytes, their sizes, and whether they are in use, where the store has its index. What is not in use was removed.',
    )
    .examples('millrace inspect pack .millrace/packs/0000000001.pack')
    .action(
      action<[string], object>(io, async (context, [file]) => {
        const pack = await inspectPack(file);
        await context.print(pack, () => packText(pack));
      }),
    );
}

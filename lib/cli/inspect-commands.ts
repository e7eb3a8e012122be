/** `millrace inspect …`: what stands in segments and record batches, byte by byte. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { MillraceError } from '../errors.ts';
import { decodeBatch, splitBatches } from '../record/decode-batch.ts';
import { decodeSegment } from '../segment/decode-segment.ts';
import { regionBytes } from '../segment/region.ts';
import { action } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import type { CliIo } from './cli-io.ts';
import { bytesToJson } from './record-format.ts';
import { table } from './table.ts';

/** Adds `inspect` and its subcommands. */
export function addInspectCommands(program: Command, io: CliIo): void {
  const inspect = program
    .command('inspect')
    .description('Look into segments and record batches. Every checksum is verified.');
  inspect
    .command('segment <file>')
    .description('Show the index of a segment object and the record batches of its regions.')
    .action(
      action<[string], object>(io, async (context, [file]) => {
        const segment = inspectSegment(await readBytes(file));
        await context.print(segment, () => segmentText(segment));
      }),
    );
  inspect
    .command('batch <file>')
    .description('Show the record batches that stand back to back in a file.')
    .option('-r, --records', 'show their records too')
    .action(
      action<[string], { records?: boolean }>(io, async (context, [file], { records }) => {
        const batches = inspectBatches(await readBytes(file), records ?? false);
        await context.print(batches, () => batches.map((batch) => batchText(batch)).join('\n\n'));
      }),
    );
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `${file} cannot be read: ${why}`,
      'Segments of a file store stand below its objects/ directory.',
      file,
    );
  }
}

function inspectSegment(bytes: Uint8Array) {
  const index = decodeSegment(bytes, { verifyRegions: true });
  const regions = index.regions.map((region) => ({
    ...region,
    batches: [...splitBatches(regionBytes(bytes, region))].map(({ position, header }) => ({
      position: region.position + position,
      ...header,
    })),
  }));
  return { sizeBytes: bytes.length, ...index, regions };
}

function segmentText(segment: ReturnType<typeof inspectSegment>): string {
  const { level, sizeBytes, regions } = segment;
  const rows = regions.map((region) => [
    region.topicId,
    region.partition,
    region.position,
    region.length,
    region.batchCount,
    region.recordCount,
    new Date(Number(region.maxTimestampMs)).toISOString(),
    region.batches
      .map(({ compression }) => compression)
      .filter((codec, index, all) => all.indexOf(codec) === index)
      .join(','),
  ]);
  const head = ['topic id', 'partition', 'position', 'length', 'batches', 'records', 'newest', 'compression'];
  return `segment of level ${level}, ${sizeBytes} bytes, ${regions.length} regions, all checksums right\n\n${table(head, rows)}`;
}

type InspectedBatch = ReturnType<typeof inspectBatches>[number];

function inspectBatches(bytes: Uint8Array, withRecords: boolean) {
  const batches = [...splitBatches(bytes)].map(({ position, header, bytes: batch }) => {
    const decoded = decodeBatch(batch);
    const records = withRecords ? { records: [...decoded].map(recordFields) } : {};
    return { position, ...header, ...records };
  });
  if (batches.length > 0) return batches;
  throw new MillraceError('CORRUPT_MESSAGE', 'there is no record batch in the file', { hint: 'The file is empty.' });
}

function recordFields(record: ReturnType<ReturnType<typeof decodeBatch>['record']>) {
  const { offset, timestampMs, key, value, headers } = record;
  return {
    offset,
    timestampMs,
    key: bytesToJson(key),
    value: bytesToJson(value),
    headers: headers.map((header) => ({ key: header.key, value: bytesToJson(header.value) })),
  };
}

function batchText({
  records,
  ...header
}: InspectedBatch & { readonly records?: readonly ReturnType<typeof recordFields>[] }): string {
  const fields = table(['field', 'value'], Object.entries(header));
  if (!records) return fields;
  const show = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  const rows = records.map(({ offset, timestampMs, key, value }) => [offset, timestampMs, show(key), show(value)]);
  return `${fields}\n\n${table(['offset', 'timestamp', 'key', 'value'], rows)}`;
}

/** The tables of docs/scale.md. */
import { awsRates, monthDollars, type SteadyLoad, steadyRequests, storageDollars } from './scale-model.ts';

const PARTITIONS = [1, 10, 100, 1_000, 10_000, 100_000] as const;
const RATES = [
  ['1 KB/s', 1e3],
  ['100 KB/s', 1e5],
  ['1 MB/s', 1e6],
  ['10 MB/s', 1e7],
  ['100 MB/s', 1e8],
  ['1 GB/s', 1e9],
  ['10 GB/s', 1e10],
] as const;
const KEPT_DAYS = 7;

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |\n`;
}

function head(first: string, last: readonly string[] = []): string {
  const names = [first, ...PARTITIONS.map((count) => count.toLocaleString('en-US')), ...last];
  return row(names) + row(names.map((_, index) => (index === 0 ? '---' : '---:')));
}

/** Three digits that mean something. */
function short(value: number): string {
  const [unit, scale] = value >= 999_500 ? ['M', 1e6] : value >= 9_995 ? ['k', 1e3] : ['', 1];
  const scaled = value / scale;
  return `${scaled >= 99.5 ? Math.round(scaled) : Number(scaled.toPrecision(3))}${unit}`;
}

/** What is above what AWS allows without being asked: a head, the table, the bucket. */
function wallsOf(load: SteadyLoad): string {
  const { headWriteUnits, writeUnits, flushes } = steadyRequests(load);
  const walls = [
    headWriteUnits > awsRates.itemWriteUnits && 'h',
    writeUnits > awsRates.tableWriteUnits && 't',
    flushes > awsRates.puts && 'b',
  ];
  return walls.filter((wall) => wall !== false).join('');
}

/** Dollars a month of the requests of producers; marks show walls. */
export function scaleDollarsTable(lingerMs: number): Promise<string> {
  const rows = RATES.map(([name, bytesPerSecond]) => {
    const cells = PARTITIONS.map((partitions) => {
      const load = { bytesPerSecond, partitions, lingerMs };
      const walls = wallsOf(load);
      return `${short(monthDollars(steadyRequests(load)))}${walls === '' ? '' : ` *${walls}*`}`;
    });
    return row([name, ...cells, short(storageDollars(bytesPerSecond, KEPT_DAYS))]);
  });
  return Promise.resolve(head('$ a month', [`${KEPT_DAYS} days in S3`]) + rows.join(''));
}

/** Requests a second. */
export function scaleRatesTable(lingerMs: number): Promise<string> {
  const rows = RATES.map(([name, bytesPerSecond]) => {
    const cells = PARTITIONS.map((partitions) => {
      const { flushes, writeUnits, headWriteUnits } = steadyRequests({ bytesPerSecond, partitions, lingerMs });
      return `${short(flushes)} · ${short(writeUnits)} · ${short(headWriteUnits)}`;
    });
    return row([name, ...cells]);
  });
  return Promise.resolve(head('PUT/s · write units/s · of one head') + rows.join(''));
}

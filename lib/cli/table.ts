import Table from 'cli-table3';

const FRAMELESS = Object.fromEntries(
  ['top', 'bottom', 'mid', 'left', 'right', 'middle']
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .map((side) => [side, '']),
);

/** A table without frames, which `awk` and `cut` can read too; columns whose every cell is a number stand to the right. */
export function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const texts = rows.map((row) => row.map(String));
  const isNumber = (column: number) => texts.every((row) => /^-?\d+$/.test(row[column] ?? ''));
  const colAligns = head.map((_, column) => (isNumber(column) ? 'right' : 'left') as 'left' | 'right');
  const style = { head: [], border: [], 'padding-left': 0, 'padding-right': 2, compact: true };
  const drawn = new Table({ head: [...head], colAligns, chars: { ...FRAMELESS, middle: '' }, style });
  drawn.push(...texts);
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

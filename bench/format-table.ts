/** Cells in columns: the first to the left, the others to the right. */
export function formatTable(head: readonly string[], cells: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((cell) => cell[column]!.length)));
  const line = (cell: readonly string[]) =>
    cell.map((text, column) => (column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]! + 2))).join('');
  return [head, ...cells].map(line).join('\n');
}

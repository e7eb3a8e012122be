/** Every prop of every construct is documented, and is asked for by some test of templates. */
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Prop {
  readonly of: string;
  readonly name: string;
  readonly comment: string;
  readonly isReadonly: boolean;
  readonly isOptional: boolean;
}

const INTERFACE = /export interface (\w+(?:Props|Settings|Attributes))\b[^{]*\{\n(.*?)\n\}/gs;
const MEMBER = /(\/\*\*(?:(?!\*\/).)*\*\/\n\s*)?(readonly )?(\w+)(\?)?: [^\n]+;/gs;
/** Made by constructs for each other. */
const INNER = ['LogFunctionsProps'];

function propsIn(text: string): readonly Prop[] {
  return [...text.matchAll(INTERFACE)].flatMap(([, of = '', body = '']) =>
    [...body.matchAll(MEMBER)].map(([, comment = '', readonly, name = '', optional]) => ({
      of,
      name,
      comment,
      isReadonly: readonly !== undefined,
      isOptional: optional !== undefined,
    })),
  );
}

const read = (pattern: string) => globSync(pattern).map((path) => readFileSync(path, 'utf8'));
const props = read('lib/constructs/*.ts')
  .flatMap(propsIn)
  .filter(({ of }) => !INNER.includes(of));
const told = ({ of, name }: Prop) => `${of}.${name}`;

describe('props of constructs', () => {
  it('are found as they stand in the code', () => {
    const text = `export interface AProps extends B {\n  /** @default 5 */\n  readonly a?: number;\n  b: Record<string, string>;\n}\n`;
    expect(propsIn(text)).toMatchObject([
      { of: 'AProps', name: 'a', isReadonly: true, isOptional: true, comment: expect.stringContaining('@default') },
      { of: 'AProps', name: 'b', isReadonly: false, isOptional: false, comment: '' },
    ]);
    expect(props.length).toBeGreaterThan(70);
  });

  it('cannot be written, and say what they are by default', () => {
    expect(props.filter(({ isReadonly }) => !isReadonly).map(told)).toEqual([]);
    expect(props.filter(({ isOptional, comment }) => isOptional && !comment.includes('@default')).map(told)).toEqual(
      [],
    );
  });

  it('are each given by a test', () => {
    const tests = read('test/constructs/*.ts').join('\n');
    const isGiven = ({ name }: Prop) => new RegExp(`\\b${name}\\s*[:,}]`).test(tests);
    expect(props.filter((prop) => !isGiven(prop)).map(told)).toEqual([]);
  });
});

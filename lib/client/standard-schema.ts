/**
 * A schema of any library that implements Standard Schema: zod, valibot, arktype and others. Source: https://standardschema.dev, version 1; declared here so that no library is needed.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a validation came to. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** What is wrong with a value, and where in it. */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Issues that a message shows. */
const SHOWN = 5;

/** The issues in one line: `items[0].price: expected number`. */
export function issuesText(issues: readonly StandardIssue[]): string {
  const shown = issues.slice(0, SHOWN).map(({ message, path = [] }) => {
    const where = pathText(path);
    return where === '' ? message : `${where}: ${message}`;
  });
  const more = issues.length > SHOWN ? `, and ${issues.length - SHOWN} more` : '';
  return `${shown.join('; ')}${more}`;
}

function pathText(path: NonNullable<StandardIssue['path']>): string {
  let text = '';
  for (const part of path) {
    const key = typeof part === 'object' ? part.key : part;
    if (typeof key === 'number') text += `[${key}]`;
    else text += text === '' ? String(key) : `.${String(key)}`;
  }
  return text;
}

/** Writes the source of functions that read a message of one version: no decision about versions is left in them. */
import {
  defaultExpression,
  type FieldPlan,
  type FixedValue,
  fewestElementBytes,
  fieldPlans,
  inRange,
  taggedPlans,
  untaggedPlans,
  type WireForm,
} from './field-plan.ts';
import { type FieldRun, fixedRuns, VIEW_TYPES } from './fixed-runs.ts';
import type { Fields } from './schema.ts';

/** See the module comment. The last of the functions in the source is called `read0`. */
export class ReaderSource {
  readonly #form: WireForm;
  readonly #functions: string[] = [];
  #count = 0;

  constructor(form: WireForm) {
    this.#form = form;
  }

  /** The source of a function `(reader) => message`. */
  of(fields: Fields): string {
    this.#struct(fields);
    return `${this.#functions.join('\n')}\nreturn read0;`;
  }

  #struct(fields: Fields): string {
    const name = `read${this.#count++}`;
    const all = fieldPlans(fields);
    const here = untaggedPlans(fields, this.#form);
    const tagged = taggedPlans(fields, this.#form);
    const absent = all.filter((plan) => !here.includes(plan) && !here.some((one) => one.name === plan.name));
    const body = [
      ...absent.map((plan) => `let ${local(plan)} = ${defaultExpression(plan)};`),
      ...fixedRuns(here).flatMap((run, index) => this.#run(run, index)),
      ...(this.#form.flexible ? this.#tags(tagged) : []),
      `return { ${all.map((plan) => `${plan.name}: ${local(plan)}`).join(', ')} };`,
    ];
    this.#functions.push(`function ${name}(r) {\n${body.join('\n')}\n}`);
    return name;
  }

  #run(run: FieldRun, index: number): readonly string[] {
    if (run.kind === 'other') return [`let ${local(run.plan)};`, ...this.#value(run.plan)];
    const reads = run.parts.map(({ plan, type, at }) => {
      return `const ${local(plan)} = ${fixedAt(type, `p${index} + ${at}`)};`;
    });
    return [`const p${index} = r.take(${run.bytes});`, ...reads];
  }

  /** Statements that read a field into its variable. */
  #value(plan: FieldPlan): readonly string[] {
    const variable = local(plan);
    if (!plan.isArray) return [`${variable} = ${this.#single(plan)};`];
    const fewest = fewestElementBytes(plan.type, this.#form);
    const count = `n_${plan.name}`;
    const { type } = plan;
    const elements =
      type.kind === 'fixed'
        ? // Their bounds are checked once.
          `const p = r.take(${count} * ${type.bytes}); for (let i = 0; i < ${count}; i++) ${variable}[i] = ${fixedAt(type, `p + i * ${type.bytes}`)};`
        : `for (let i = 0; i < ${count}; i++) ${variable}[i] = ${this.#element(plan)};`;
    const onNull = this.#isNullable(plan) ? `${variable} = null;` : `throw r.isNull('${plan.name}');`;
    return [
      `const ${count} = r.${this.#form.flexible ? 'compactCount' : 'count'}(${fewest});`,
      `if (${count} < 0) ${onNull}`,
      // Of just this length: a list that grows takes room for seventeen.
      `else { ${variable} = new Array(${count}); ${elements} }`,
    ];
  }

  #single(plan: FieldPlan): string {
    const element = this.#element(plan);
    if (plan.type.kind !== 'struct' || !this.#isNullable(plan)) return element;
    return `r.view.getInt8(r.take(1)) < 0 ? null : ${element}`;
  }

  #element(plan: FieldPlan): string {
    const { type, name } = plan;
    if (type.kind === 'struct') return `${this.#struct(type.fields)}(r)`;
    if (type.kind === 'fixed') return fixedAt(type, `r.take(${type.bytes})`);
    const own = type.name === 'string' ? 'stringLength' : 'bytesLength';
    const length = `r.${this.#form.flexible ? 'compactLength' : own}()`;
    const method = type.name === 'string' ? 'string' : 'blob';
    if (plan.isArray || !this.#isNullable(plan)) return `r.${method}(${length}, '${name}')`;
    return `r.${method === 'string' ? 'nullableString' : 'nullableBlob'}(${length})`;
  }

  #tags(tagged: readonly FieldPlan[]): readonly string[] {
    const cases = tagged.map((plan) => {
      const statements = this.#value(plan).join(' ');
      return `case ${plan.tag}: { const start = r.position; ${statements} r.endTag(start, size); break; }`;
    });
    return [
      'for (let tags = r.uvarint(); tags > 0; tags--) {',
      'const tag = r.uvarint(); const size = r.uvarint();',
      `switch (tag) { ${cases.join('\n')} default: r.skip(size); }`,
      '}',
    ];
  }

  #isNullable({ nullable }: FieldPlan): boolean {
    return inRange(this.#form.version, nullable);
  }
}

/** Names of fields may be reserved words. */
function local({ name }: FieldPlan): string {
  return `v_${name}`;
}

function fixedAt(type: FixedValue, position: string): string {
  if (type.name === 'uuid') return `r.uuidAt(${position})`;
  const get = `r.view.get${VIEW_TYPES[type.name]}(${position})`;
  return type.name === 'bool' ? `${get} !== 0` : get;
}

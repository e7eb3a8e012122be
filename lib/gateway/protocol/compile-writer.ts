/** Writes the source of functions that write a message of one version: no decision about versions is left in them. */
import {
  defaultExpression,
  type FieldPlan,
  type FixedValue,
  fieldPlans,
  inRange,
  taggedPlans,
  untaggedPlans,
  type ValueType,
  type WireForm,
} from './field-plan.ts';
import { type FieldRun, fixedRuns, VIEW_TYPES } from './fixed-runs.ts';
import type { Fields } from './schema.ts';

/** See the module comment. */
export class WriterSource {
  readonly #form: WireForm;
  readonly #functions: string[] = [];
  #count = 0;

  constructor(form: WireForm) {
    this.#form = form;
  }

  /** The source of a function `(writer, message) => void`. */
  of(fields: Fields): string {
    this.#struct(fields);
    return `${this.#functions.join('\n')}\nreturn write0;`;
  }

  #struct(fields: Fields): string {
    const name = `write${this.#count++}`;
    const runs = fixedRuns(untaggedPlans(fields, this.#form));
    const body = [
      ...runs.flatMap((run, index) => this.#run(run, index)),
      ...(this.#form.flexible ? this.#tags(taggedPlans(fields, this.#form)) : []),
    ];
    this.#functions.push(`function ${name}(w, v) {\n${body.join('\n')}\n}`);
    return name;
  }

  #run(run: FieldRun, index: number): readonly string[] {
    if (run.kind === 'other') return this.#value(run.plan, 'w', this.#given(run.plan), `${index}`);
    const writes = run.parts.map(({ plan, type, at }) => {
      return fixedTo(type, 'w', `p${index} + ${at}`, this.#given(plan));
    });
    return [`const p${index} = w.reserve(${run.bytes});`, ...writes];
  }

  /** What was given for a field, or its default. */
  #given(plan: FieldPlan): string {
    const given = `v.${plan.name}`;
    const standard = defaultExpression(plan);
    if (!this.#isNullable(plan)) return `(${given} ?? ${standard === 'null' ? emptyOf(plan) : standard})`;
    return `(${given} === undefined ? ${standard} : ${given})`;
  }

  /** Statements that write a value; `suffix` keeps their variables apart. */
  #value(plan: FieldPlan, writer: string, value: string, suffix: string): readonly string[] {
    const { type } = plan;
    const variable = `v${suffix}`;
    const { flexible } = this.#form;
    const declared = `const ${variable} = ${value};`;
    if (plan.isArray) {
      const count = flexible
        ? `${writer}.uvarint(${variable} === null ? 0 : ${variable}.length + 1);`
        : `${writer}.int32(${variable} === null ? -1 : ${variable}.length);`;
      const each = this.#element(type, writer, 'element', suffix);
      return [declared, count, `if (${variable} !== null) for (const element of ${variable}) { ${each} }`];
    }
    const write = this.#element(type, writer, variable, suffix);
    if (type.kind !== 'struct' || !this.#isNullable(plan)) return [declared, write];
    const mark = `${writer}.int8(${variable} === null ? -1 : 1);`;
    return [declared, mark, `if (${variable} !== null) ${write}`];
  }

  #element(type: ValueType, writer: string, value: string, suffix: string): string {
    if (type.kind === 'struct') return `${this.#struct(type.fields)}(${writer}, ${value});`;
    if (type.kind === 'sized') {
      const method = type.name === 'bytes' ? 'blob' : type.name;
      const compact = `compact${method[0]!.toUpperCase()}${method.slice(1)}`;
      return `${writer}.${this.#form.flexible ? compact : method}(${value});`;
    }
    return `const e${suffix} = ${writer}.reserve(${type.bytes}); ${fixedTo(type, writer, `e${suffix}`, value)}`;
  }

  #tags(tagged: readonly FieldPlan[]): readonly string[] {
    if (tagged.length === 0) return ['w.uvarint(0);'];
    const has = tagged.map((plan) => {
      const given = `v.${plan.name}`;
      return `const has${plan.tag} = ${given} !== undefined && ${this.#differs(plan, given)};`;
    });
    const writes = tagged.flatMap((plan) => [
      `if (has${plan.tag}) {`,
      'const t = new WireWriter();',
      ...this.#value(plan, 't', `v.${plan.name}`, `t${plan.tag}`),
      `w.uvarint(${plan.tag}); w.uvarint(t.byteCount); w.append(t);`,
      '}',
    ]);
    const count = tagged.map(({ tag }) => `(has${tag} ? 1 : 0)`).join(' + ');
    return [...has, `w.uvarint(${count});`, ...writes];
  }

  /** Whether a value is another one than the default: an expression. */
  #differs(plan: FieldPlan, value: string): string {
    const standard = defaultExpression(plan);
    if (standard === 'null') return `${value} !== null`;
    if (plan.isArray || standard === 'EMPTY') return `(${value} === null || ${value}.length > 0)`;
    if (plan.type.kind !== 'struct') return `${value} !== ${standard}`;
    const fields = fieldPlans(plan.type.fields).map((field) => {
      const own = `${value}.${field.name}`;
      return `(${own} !== undefined && ${this.#differs(field, own)})`;
    });
    return `(${fields.join(' || ')})`;
  }

  #isNullable({ nullable }: FieldPlan): boolean {
    return inRange(this.#form.version, nullable);
  }
}

/** In a version in which a field cannot be null, null is written as nothing. */
function emptyOf(plan: FieldPlan): string {
  return defaultExpression({ ...plan, standard: null });
}

function fixedTo(type: FixedValue, writer: string, position: string, value: string): string {
  if (type.name === 'uuid') return `${writer}.uuidAt(${position}, ${value});`;
  const written = type.name === 'bool' ? `${value} ? 1 : 0` : value;
  return `${writer}.view.set${VIEW_TYPES[type.name]}(${position}, ${written});`;
}

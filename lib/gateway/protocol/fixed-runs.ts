import type { FieldPlan, FixedValue } from './field-plan.ts';

/** A field of fixed size and its distance from the beginning of its run. */
export interface FixedPart {
  readonly plan: FieldPlan;
  readonly type: FixedValue;
  readonly at: number;
}

/** Fields that stand at known distances from each other, or one field of another kind. */
export type FieldRun =
  | { readonly kind: 'fixed'; readonly parts: readonly FixedPart[]; readonly bytes: number }
  | { readonly kind: 'other'; readonly plan: FieldPlan };

/** Joins neighbouring fields of fixed size, so that their bounds are checked once. */
export function fixedRuns(plans: readonly FieldPlan[]): readonly FieldRun[] {
  const runs: FieldRun[] = [];
  for (const plan of plans) {
    const { type } = plan;
    const last = runs.at(-1);
    if (plan.isArray || type.kind !== 'fixed') runs.push({ kind: 'other', plan });
    else if (last?.kind !== 'fixed') runs.push({ kind: 'fixed', parts: [{ plan, type, at: 0 }], bytes: type.bytes });
    else {
      const parts = [...last.parts, { plan, type, at: last.bytes }];
      runs[runs.length - 1] = { kind: 'fixed', parts, bytes: last.bytes + type.bytes };
    }
  }
  return runs;
}

/** Methods of a DataView, by type: what follows `get` and `set`. */
export const VIEW_TYPES = {
  bool: 'Uint8',
  int8: 'Int8',
  int16: 'Int16',
  uint16: 'Uint16',
  int32: 'Int32',
  uint32: 'Uint32',
  int64: 'BigInt64',
  float64: 'Float64',
} as const;

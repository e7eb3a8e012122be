/** What a worker does next with the partition that it holds: a pure decision. */
import { type BatchPlan, type PlanContext, planBatch, type ReadWindow } from './plan-batch.ts';
import type { ReceivedEvent } from './received-event.ts';

/** What it is decided by. */
export interface StepInput {
  /** No time is left to give anything out. */
  readonly isOutOfTime: boolean;
  /** Nothing before this. */
  readonly restUntilMs: number;
  /** See `HeldPartition`. */
  readonly hasCrashedBefore: boolean;
  readonly window: ReadWindow;
  readonly context: PlanContext;
}

/** What to do. */
export type Step =
  /** Lets go, and has somebody else go on. */
  | { readonly kind: 'stop' }
  /** Lets go; `notBeforeMs`: when something that waits may be given, 0: nothing waits. */
  | { readonly kind: 'wait'; readonly notBeforeMs: number }
  | { readonly kind: 'read-on' }
  /** Records that are not given at all. */
  | { readonly kind: 'send-away'; readonly refused: BatchPlan['refused'] }
  /** This batch has ended workers: it counts as failed. */
  | { readonly kind: 'count-crash'; readonly batch: readonly ReceivedEvent[] }
  | { readonly kind: 'give-out'; readonly batch: readonly ReceivedEvent[] };

/** A step, and what planning it has found out that holds whatever is done: null when nothing was planned. */
export interface StepDecision {
  readonly step: Step;
  readonly found: Pick<BatchPlan, 'passed' | 'filteredCount' | 'windowSinceMs'> | null;
}

/** See the top of this file. */
export function nextStep({ isOutOfTime, restUntilMs, hasCrashedBefore, window, context }: StepInput): StepDecision {
  if (isOutOfTime) return { step: { kind: 'stop' }, found: null };
  if (restUntilMs > context.nowMs) return { step: { kind: 'wait', notBeforeMs: restUntilMs }, found: null };
  const readOn = { step: { kind: 'read-on' }, found: null } as const;
  if (window.records.length === 0 && !window.isEnd) return readOn;
  const plan = planBatch(window, context);
  return plan.wantsMore ? readOn : { step: planned(plan, hasCrashedBefore), found: plan };
}

function planned({ batch, refused, notBeforeMs }: BatchPlan, hasCrashedBefore: boolean): Step {
  if (refused.length > 0) return { kind: 'send-away', refused };
  if (batch.length === 0) return { kind: 'wait', notBeforeMs: notBeforeMs ?? 0 };
  return { kind: hasCrashedBefore ? 'count-crash' : 'give-out', batch };
}

/** What a worker does next with the partition that it holds: a pure decision. */
import { type BatchPlan, type PlanContext, planBatch, type ReadWindow } from './plan-batch.ts';
import type { ReceivedEvent } from './received-event.ts';
import type { SubscriptionState } from './watched-subscription.ts';

/** What it is decided by. */
export interface StepInput {
  readonly state: SubscriptionState;
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
  /** Lets go; the function is not to be called any more, or there is no subscription. */
  | { readonly kind: 'leave' }
  /** Lets go, and has another worker go on. */
  | { readonly kind: 'stop'; readonly why: 'time-limit' | 'another-way' }
  /** Lets go; `notBeforeMs`: when something that waits may be given, 0: nothing waits. */
  | { readonly kind: 'wait'; readonly notBeforeMs: number }
  | { readonly kind: 'read-on' }
  /** Records that are not given at all. */
  | { readonly kind: 'send-away'; readonly refused: BatchPlan['refused'] }
  /** This batch has ended workers: it counts as failed. */
  | { readonly kind: 'count-crash'; readonly batch: readonly ReceivedEvent[] }
  /** An empty batch: the function is called for the end of its window. */
  | { readonly kind: 'give-out'; readonly batch: readonly ReceivedEvent[] };

/** A step, and what planning it has found out that holds whatever is done: null when nothing was planned. */
export interface StepDecision {
  readonly step: Step;
  readonly found: Pick<BatchPlan, 'passed' | 'filteredCount' | 'windowSinceMs'> | null;
}

/** See the top of this file. */
export function nextStep(input: StepInput): StepDecision {
  const { state, isOutOfTime, restUntilMs, hasCrashedBefore, window, context } = input;
  if (state === 'paused' || state === 'gone') return { step: { kind: 'leave' }, found: null };
  if (state === 'another-way') return { step: { kind: 'stop', why: state }, found: null };
  if (isOutOfTime) return { step: { kind: 'stop', why: 'time-limit' }, found: null };
  if (restUntilMs > context.nowMs) return { step: { kind: 'wait', notBeforeMs: restUntilMs }, found: null };
  const readOn = { step: { kind: 'read-on' }, found: null } as const;
  if (window.records.length === 0 && !window.isEnd) return readOn;
  const plan = planBatch(window, context);
  return plan.wantsMore ? readOn : { step: planned(plan, hasCrashedBefore), found: plan };
}

function planned({ batch, refused, closesWindow, notBeforeMs }: BatchPlan, hasCrashedBefore: boolean): Step {
  if (refused.length > 0) return { kind: 'send-away', refused };
  if (closesWindow) return { kind: 'give-out', batch };
  if (batch.length === 0) return { kind: 'wait', notBeforeMs: notBeforeMs ?? 0 };
  return { kind: hasCrashedBefore ? 'count-crash' : 'give-out', batch };
}

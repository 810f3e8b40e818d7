/**
 * Records of a decided step: what happened, what the policy answered, which permits changed, what
 * is to be done. Taken from the state before and after it, so that nothing moves unrecorded.
 */
import { Anchors } from './anchors.ts';
import { recordEvent } from './of-event.ts';
import { movesMemory, recordActions, recordPermits, recordPolicy } from './of-decision.ts';
import { type Decided, LedgerStep, type Sink } from './step.ts';

export function deriveRecords(decided: Decided, anchors: Anchors, sink: Sink): void {
  const step = new LedgerStep(decided, anchors, sink);
  const seq = recordEvent(step);
  if (seq > 0) step.causes.push(seq);
  if (movesMemory(decided.actions)) recordPolicy(step);
  recordPermits(step);
  recordActions(step);
  forgetGone(step);
}

/** Instances that the step took away. */
function forgetGone({ decided, anchors }: LedgerStep): void {
  const { before, rows } = decided.edited.vms;
  for (let place = 0; place < before.length; place += 1) {
    const was = before[place]?.instances;
    const is = rows[place]?.instances;
    if (!was || was === is) continue;
    for (const { id } of was) {
      if (!is?.some((one) => one.id === id)) anchors.forget(id);
    }
  }
}

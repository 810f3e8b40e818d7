/** Orders: what an operation asks of a VMM, whole or in steps. */
import { kindOf, type OperationOrder, type OperationState } from '../model/operations.ts';
import { type Pace, unplugMs } from '../model/pace.ts';
import { type FunctionSpec, sizeUnitBytes } from '../model/spec.ts';
import type { RegionState } from '../model/state.ts';
import { sharesDevice } from './devices.ts';
import type { Draft } from './draft.ts';

/** The order that asks for an operation, or for the step it is at. */
export function operationOrder(spec: FunctionSpec, operation: OperationState): OperationOrder {
  const { name, mechanism } = spec;
  return { ...operation, kind: kindOf(operation), function: name, mechanism };
}

/** The same operation with its first step, where it gives back more than one. */
export function withSteps(
  draft: Draft,
  { spec, pace }: { readonly spec: FunctionSpec; readonly pace: Pace },
  region: RegionState,
  operation: OperationState,
): OperationState {
  // Which region of a shared device gives memory back is told by sizes that are whole regions.
  if (kindOf(operation) !== 'unplug' || sharesDevice(region)) return operation;
  const unit_bytes = sizeUnitBytes(spec);
  const { from_bytes, to_bytes: final_bytes } = operation;
  if (goesWhole(draft, pace, from_bytes - final_bytes)) return operation;
  const to_bytes = stepTo(draft, { unit_bytes, from_bytes, final_bytes });
  if (to_bytes === final_bytes) return operation;
  return { ...operation, to_bytes, final_bytes, begun_bytes: from_bytes };
}

/** Whether nobody would gain by a border to go before it at, as usual (the median) or at first. */
function goesWhole({ config }: Draft, pace: Pace, bytes: number): boolean {
  const { whole_ms } = config.queue;
  return whole_ms > 0 && (unplugMs(pace, bytes, 50) ?? 0) <= whole_ms;
}

/** The step after one that ended, from what is plugged now. */
export function nextStep(
  draft: Draft,
  spec: FunctionSpec,
  operation: OperationState & { readonly final_bytes: number },
  from_bytes: number,
): OperationState {
  const { final_bytes, steps = 0 } = operation;
  const unit_bytes = sizeUnitBytes(spec);
  const to_bytes = stepTo(draft, { unit_bytes, from_bytes, final_bytes });
  return { ...operation, from_bytes, to_bytes, steps: steps + 1 };
}

/** Whole units, of which a step has at least one. */
function stepTo(
  { config }: Draft,
  about: {
    readonly unit_bytes: number;
    readonly from_bytes: number;
    readonly final_bytes: number;
  },
): number {
  const { unit_bytes, from_bytes, final_bytes } = about;
  const { step_bytes } = config.queue;
  if (step_bytes === null) return final_bytes;
  const most_bytes = Math.max(unit_bytes, step_bytes);
  const to_bytes = Math.ceil((from_bytes - most_bytes) / unit_bytes) * unit_bytes;
  return Math.max(final_bytes, to_bytes);
}

/**
 * What a function's memory expression says of its calls: for the policy that sizes by it, and held
 * against what was measured. One that is wrong too often is not gone by until it is right again.
 */
import { isHotplaneError } from '../../base/errors.ts';
import { formatBytes } from '../../base/units.ts';
import { type CallMemory, inputsText } from '../model/call-memory.ts';
import type { InvocationResult } from '../model/events.ts';
import {
  checkedCall,
  type ExpressionLedger,
  NO_CHECKS,
  withCheck,
} from '../model/expression-ledger.ts';
import { worstOf } from '../model/expression-spec.ts';
import { refusalOf } from '../model/failure.ts';
import { type Refusal, REFUSALS } from '../model/refusals.ts';
import type { FunctionSpec } from '../model/spec.ts';
import type {
  FunctionState,
  InstanceState,
  QueuedInvocation,
  SizedInstance,
  VmState,
} from '../model/state.ts';
import type { Draft } from './draft.ts';
import type { ExpectedSize } from './policy.ts';

/** An expression that cannot be gone by: no worst case, or one beyond the function's limit. */
export function noExpression(spec: FunctionSpec): Refusal | null {
  const expression = spec.memory?.expression ?? null;
  if (expression === null) return null;
  try {
    const worst_bytes = worstOf(expression);
    const { limit_bytes } = spec;
    if (worst_bytes <= limit_bytes) return null;
    return REFUSALS.expressionBeyond(spec.name, worst_bytes, limit_bytes);
  } catch (error) {
    if (!isHotplaneError(error)) throw error;
    const { message, ...rest } = refusalOf(error);
    return { ...rest, message: `the memory expression of '${spec.name}': ${message}` };
  }
}

type Told = Omit<SizedInstance, 'peak_bytes'>;

/** What is said of one call, cold or warm. */
function told(fn: FunctionState, memory: CallMemory, is_cold: boolean): Told {
  const nothing = { expected_bytes: null, kept_bytes: null };
  if (memory.why_not !== undefined) {
    return { ...nothing, because: `its expression has no answer: ${memory.why_not}` };
  }
  const distrusted = fn.expression?.distrusted;
  if (distrusted) {
    return { ...nothing, because: `its expression is not gone by: ${distrusted.because}` };
  }
  const { peak_bytes, kept_bytes } = is_cold ? memory.cold : memory.warm;
  const call = `a ${is_cold ? 'cold' : 'warm'} call with ${inputsText(memory.inputs)}`;
  const because = `its expression says ${formatBytes(peak_bytes)} for ${call}`;
  return { expected_bytes: peak_bytes, kept_bytes, because };
}

/** Of the call that an instance is started for. */
export function expectedAtStart(
  fn: FunctionState,
  cause: Pick<QueuedInvocation, 'memory'> | null,
): ExpectedSize | null {
  if (!cause?.memory) return null;
  const { expected_bytes: bytes, because } = told(fn, cause.memory, true);
  return { bytes, because };
}

/** Of the call that it serves, or has served last. */
export function expectedOf({ phase, sized }: InstanceState): ExpectedSize | null {
  if (!sized) return null;
  const { expected_bytes, kept_bytes, because } = sized;
  if (phase === 'busy' || kept_bytes === null) return { bytes: expected_bytes, because };
  return { bytes: kept_bytes, because: `${formatBytes(kept_bytes)} stay: ${because}` };
}

/** The instance takes this call. */
export function expectCall(
  fn: FunctionState,
  instance: InstanceState,
  { memory }: QueuedInvocation,
): void {
  if (!memory) return;
  const { peak_bytes = 0 } = instance.sized ?? {};
  instance.sized = { ...told(fn, memory, instance.invocations === 1), peak_bytes };
}

/** Before its answer: the peak it came to is held against what was said of it. */
export function checkCall(
  draft: Draft,
  fn: FunctionState,
  vm: VmState,
  { instance, result }: { readonly instance: InstanceState; readonly result: InvocationResult },
): void {
  const { sized, invocation } = instance;
  const memory = invocation?.memory;
  if (!sized || !memory) return;
  const before_bytes = sized.peak_bytes;
  const peak_bytes = Math.max(before_bytes, result.peak_bytes ?? 0);
  instance.sized = { ...sized, peak_bytes };
  const ledger = fn.expression ?? NO_CHECKS;
  if (memory.why_not !== undefined) {
    const { why_not } = memory;
    fn.expression = { ...ledger, unanswered: ledger.unanswered + 1, why_not };
    return;
  }
  const cold = instance.invocations === 1;
  const about = { at_ms: draft.now_ms, cold, inputs: memory.inputs };
  const expected_bytes = (cold ? memory.cold : memory.warm).peak_bytes;
  const measured = { ...about, expected_bytes, peak_bytes: result.peak_bytes ?? 0, before_bytes };
  const call = checkedCall(measured, fn.spec.memory?.expression?.tolerance ?? 0);
  const answered = { ...ledger, answered: ledger.answered + 1 };
  fn.expression = call ? withCheck(answered, call) : answered;
  tellTrust(draft, fn, vm, ledger);
}

function tellTrust(
  draft: Draft,
  { spec, expression }: FunctionState,
  { id: vm_id }: VmState,
  before: ExpressionLedger,
): void {
  const now = expression?.distrusted ?? null;
  if (!now || before.distrusted) return;
  const { code, message } = REFUSALS.expressionWrong(spec.name, now.because);
  draft.actions.push({ type: 'report', level: 'warn', code, message, function: spec.name, vm_id });
}

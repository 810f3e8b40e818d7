/** What a call would take, from the book alone: nothing is started, plugged or granted. */
import type { StepContext } from '../core/draft.ts';
import { sizeOfStart } from '../core/sizing.ts';
import { type CallMemory, callMemory } from '../model/call-memory.ts';
import { worstOf } from '../model/expression-spec.ts';
import { errorOf } from '../model/failure.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { EstimateResponse } from '../model/span-messages.ts';
import { regionBytes } from '../model/spec.ts';
import type { HostState } from '../model/state.ts';

/** Throws HP_AGENT_NO_FUNCTION. */
export function estimate(
  state: HostState,
  { function: name, payload }: { readonly function: string; readonly payload: Uint8Array },
  now_ms: number,
  context: StepContext,
): EstimateResponse {
  const fn = state.functions.get(name);
  if (!fn) throw errorOf(REFUSALS.noFunction(name));
  const memory = callMemory(fn.spec, payload);
  const start = sizeOfStart(state, { function: name, memory, now_ms }, context);
  const expression = fn.spec.memory?.expression ?? null;
  return {
    function: name,
    start_bytes: start.to_bytes,
    because: start.because,
    policy: start.policy,
    max_bytes: regionBytes(fn.spec),
    worst_bytes: expression && worstOf(expression),
    timeout_ms: fn.spec.program?.timeout_ms ?? state.config.invocation_ms,
    ...answerOf(memory),
  };
}

function answerOf(
  memory: CallMemory | null,
): Pick<EstimateResponse, 'cold' | 'warm' | 'inputs' | 'why_not'> {
  const nothing = { cold: null, warm: null, inputs: {} };
  if (memory === null) return { ...nothing, why_not: 'the function has no expression' };
  if (memory.why_not !== undefined) return { ...nothing, why_not: memory.why_not };
  const { cold, warm, inputs } = memory;
  return { cold, warm, inputs: { ...inputs }, why_not: null };
}

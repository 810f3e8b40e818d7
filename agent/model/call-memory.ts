/**
 * What the memory of one call will be by its function's expression: evaluated when it comes, once,
 * from its payload, and kept as numbers. Where there is no answer, why. Pure.
 */
import { isHotplaneError } from '../../base/errors.ts';
import { parseJson } from '../../base/json.ts';
import { formatBytes } from '../../base/units.ts';
import {
  type CallPhase,
  inputsOf,
  type MemoryInterface,
  sizesFor,
} from '../expression/interface.ts';
import { EXPRESSION_LIMITS } from '../expression/limits.ts';
import { numberOfRational } from '../expression/rational.ts';
import { interfaceOf } from './expression-spec.ts';
import type { FunctionSpec } from './spec.ts';

/** Whole bytes of the instance's region, its base in them. */
export interface CallSizes {
  readonly peak_bytes: number;
  /** What stays after the call while the instance is warm. */
  readonly kept_bytes: number;
}

export type CallMemory =
  | {
      readonly cold: CallSizes;
      readonly warm: CallSizes;
      /** What the payload had for the parameters. */
      readonly inputs: Readonly<Record<string, number>>;
      readonly why_not?: undefined;
    }
  /** The expression says nothing of this call. */
  | { readonly why_not: string };

/** Null: the function has no expression. */
export function callMemory(
  { memory }: Pick<FunctionSpec, 'memory'>,
  payload: Uint8Array,
): CallMemory | null {
  const expression = memory?.expression ?? null;
  if (expression === null) return null;
  if (payload.length > EXPRESSION_LIMITS.payload_bytes) {
    const most = formatBytes(EXPRESSION_LIMITS.payload_bytes);
    return {
      why_not: `its payload of ${formatBytes(payload.length)} is longer than the ${most} that are read`,
    };
  }
  const value = parseJson(Buffer.from(payload).toString('utf8'));
  if (value === undefined) return { why_not: 'the payload is no JSON' };
  try {
    const of = interfaceOf(expression);
    const inputs = [...inputsOf(of, value), ...inputsOf(of, value, 'warm')];
    return {
      cold: sizes(of, value, 'cold'),
      warm: sizes(of, value, 'warm'),
      inputs: Object.fromEntries(inputs.map(([name, one]) => [name, numberOfRational(one)])),
    };
  } catch (error) {
    if (!isHotplaneError(error)) throw error;
    return { why_not: error.message.replace(/\.$/, '') };
  }
}

/** As an event has it: nothing where there is no expression, or no function. */
export function memoryOfCall(
  fn: { readonly spec: FunctionSpec } | undefined,
  { payload }: { readonly payload: Uint8Array },
): { readonly memory?: CallMemory } {
  const memory = fn ? callMemory(fn.spec, payload) : null;
  return memory ? { memory } : {};
}

function sizes(of: MemoryInterface, payload: unknown, phase: CallPhase): CallSizes {
  const { peak_bytes, consumed_bytes, freed_bytes } = sizesFor(of, payload, {}, phase);
  return { peak_bytes, kept_bytes: of.base_bytes + Math.max(0, consumed_bytes - freed_bytes) };
}

/** `n = 100, m = 3`, of as many as fit. */
export function inputsText(inputs: Readonly<Record<string, number>>): string {
  const all = Object.entries(inputs).map(([name, value]) => `${name} = ${value}`);
  const told = all.slice(0, INPUTS_TOLD).join(', ');
  if (all.length === 0) return 'any payload';
  return all.length > INPUTS_TOLD ? `${told} and ${all.length - INPUTS_TOLD} more` : told;
}

const INPUTS_TOLD = 4;

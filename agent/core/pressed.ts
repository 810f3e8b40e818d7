/** What the host is too short of memory for. */
import type { OperationState } from '../model/operations.ts';
import { isPressed, type PressureLevel } from '../model/pressure.ts';
import { type Refusal, REFUSALS } from '../model/refusals.ts';
import type { Draft } from './draft.ts';

/** At which level of pressure an operation is not tried. */
const NOT_TRIED: Partial<Readonly<Record<OperationState['cause'], PressureLevel>>> = {
  pool: 'reserve',
  gain: 'reserve',
  grow: 'growth',
  open: 'growth',
  start: 'starts',
};

/** Why the host's memory is too short for operations of that cause; null: it is not. */
export function pressedTo(
  { pressure, told, config }: Draft,
  cause: OperationState['cause'],
): Refusal | null {
  const level = pressure.level === 'none' ? undefined : NOT_TRIED[cause];
  if (level === undefined || !isPressed(pressure, level)) return null;
  const keep_bytes = config.host_keep_bytes ?? 0;
  return REFUSALS.hostPressed(pressure.level, told?.available_bytes ?? 0, keep_bytes);
}

/** Traces as text, line by line. Pure. */
import { MIB } from '../../base/units.ts';
import { ARRIVALS_COLUMNS } from './arrivals.ts';
import { AZURE2021_HEADER } from './azure2021.ts';
import type { InvocationColumns } from './columns.ts';
import type { TraceFunction } from './trace.ts';

export interface WrittenTrace {
  readonly functions: readonly TraceFunction[];
  readonly invocations: InvocationColumns;
}

/** In the format `arrivals`. */
export function* arrivalLines({ functions, invocations }: WrittenTrace): Iterable<string> {
  const has_memory = functions.every((one) => one.memory_bytes !== undefined);
  yield `${[...ARRIVALS_COLUMNS, 'app', ...(has_memory ? ['memory_mib'] : [])].join(',')}\n`;
  for (const { function_index, arrival_ms, duration_ms } of invocations) {
    const one = functions[function_index];
    const memory = has_memory ? `,${(one?.memory_bytes ?? 0) / MIB}` : '';
    yield `${arrival_ms},${one?.func},${duration_ms},${one?.app}${memory}\n`;
  }
}

/** In the format of the file of 2021, which has its end where others have the arrival. */
export function* lines2021({ functions, invocations }: WrittenTrace): Iterable<string> {
  yield `${AZURE2021_HEADER}\n`;
  for (const { function_index, arrival_ms, duration_ms } of invocations) {
    const one = functions[function_index];
    const end_s = Math.round((arrival_ms + duration_ms) * 1000) / 1e6;
    yield `${one?.app},${one?.func},${end_s},${duration_ms / 1000}\n`;
  }
}

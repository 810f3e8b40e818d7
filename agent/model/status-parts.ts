/** An answer to Status in parts, as StatusParts tells it. Pure. */
import type { StatusResponse } from './messages.ts';

/** Tells nothing: of a part all that is not told by it. */
export const NO_STATUS: StatusResponse = {
  functions: [],
  host_limit_bytes: 0,
  permits_bytes: 0,
  version: '',
  state_json: null,
  pid: 0,
  granted_bytes: 0,
  free_bytes: 0,
  host_memory: null,
  ledger: null,
  cordon: null,
  dags: [],
  queue: null,
};

/** What the parts tell together. */
export function wholeStatus(parts: readonly StatusResponse[]): StatusResponse {
  const texts = parts.flatMap(({ state_json }) => state_json ?? []);
  return {
    ...(parts.at(-1) ?? NO_STATUS),
    functions: parts.flatMap(({ functions }) => functions),
    state_json: texts.length === 0 ? null : texts.join(''),
  };
}

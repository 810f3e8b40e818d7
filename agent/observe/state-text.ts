/** The whole decision state as JSON (core/dump.ts), in pieces: it may be many megabytes. Pure. */
import { dumpHost, dumpVm } from '../core/dump.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { HostState, VmState } from '../model/state.ts';
import { Table } from '../model/table.ts';

/** Put together they are the text of `JSON.stringify(dumpHost(state))`; rows are never cut. */
export function* statePieces(state: HostState): Generator<string> {
  let text = '';
  for (const more of texts(state)) {
    text += more;
    if (text.length < AGENT_LIMITS.status_state_chars) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

function* texts(state: HostState): Generator<string> {
  // Rows of VMs have hundreds of regions: each is made when it is its turn.
  const dump = dumpHost({ ...state, vms: Table.empty<VmState>() });
  let before = '{';
  for (const [key, value] of Object.entries<unknown>({ ...dump })) {
    yield `${before}${JSON.stringify(key)}:`;
    before = ',';
    if (key === 'vms') yield* listText(vmRows(state));
    else if (Array.isArray(value)) yield* listText(value);
    else yield JSON.stringify(value);
  }
  yield '}';
}

function* vmRows(state: HostState): Generator {
  for (const vm of state.vms.values()) yield dumpVm(vm);
}

function* listText(rows: Iterable<unknown>): Generator<string> {
  let before = '[';
  for (const row of rows) {
    yield before + JSON.stringify(row);
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}

/** Tells the ledger what observers see: at the end of operations, and now and then of every VM. */
import type { AgentLedger } from '../ledger/agent-ledger.ts';
import type { AgentRecord, Invocation } from '../model/records.ts';
import type { HostState } from '../model/state.ts';
import type { RecordHub } from '../observe/record-hub.ts';
import type { Runners } from './runners.ts';

interface Kept {
  readonly hub: RecordHub;
  readonly state: HostState;
  failStop(cause: unknown, during: unknown): void;
}

interface Beginning {
  readonly version: string;
  readonly host_limit_bytes: number;
  readonly earlier?: object;
}

/** From now on; what cannot be written ends the agent. */
export function keepLedger(
  ledger: AgentLedger,
  agent: Kept,
  { version, host_limit_bytes, earlier }: Beginning,
  runners: Runners,
): void {
  ledger.onFault = (error) => agent.failStop(error, 'ledger');
  ledger.begin({ version, host_limit_bytes, is_fresh: earlier === undefined });
  ledger.residentOf = (vm_id) => runners.find(vm_id)?.residentBytes() ?? null;
  agent.hub.listen((kind, record) => {
    if (kind !== 'operation' && kind !== 'invocation') return;
    const { operation, invocation }: AgentRecord = { [kind]: record };
    if (operation) ledger.observed(operation);
    // The first call of an instance touches most of what it will ever have.
    if (!invocation?.cold) return;
    const vm_id = vmOf(agent.state, invocation);
    if (vm_id !== undefined) ledger.look(vm_id, invocation.function);
  });
  ledger.onRound = () => {
    for (const { id, function: name, phase } of agent.state.vms.values()) {
      if (phase !== 'lost') ledger.look(id, name);
    }
  };
}

function vmOf(state: HostState, { function: name, instance_id }: Invocation): string | undefined {
  return state.functions
    .get(name)
    ?.vm_ids.find((id) => state.vms.get(id)?.instances.some((one) => one.id === instance_id));
}

/** Tells the ledger what observers see: at the end of operations, and now and then of every VM. */
import type { AgentLedger } from '../ledger/agent-ledger.ts';
import type { AgentRecord } from '../model/records.ts';
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
  const tellResident = (vm_id: string, name: string): void => {
    const host_bytes = runners.find(vm_id)?.residentBytes() ?? null;
    if (host_bytes !== null) ledger.resident(vm_id, name, host_bytes);
  };
  agent.hub.listen((kind, record) => {
    if (kind !== 'operation') return;
    const { operation }: AgentRecord = { [kind]: record };
    if (!operation) return;
    ledger.observed(operation);
    if (ledger.wantsResident(operation.vm_id)) tellResident(operation.vm_id, operation.function);
  });
  ledger.onRound = () => {
    for (const { id, function: name, phase } of agent.state.vms.values()) {
      if (phase !== 'lost') tellResident(id, name);
    }
  };
}

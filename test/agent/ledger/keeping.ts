/** A simulated host whose agent keeps a ledger. */
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { AgentLedger, type AgentLedgerOptions } from '../../../agent/ledger/agent-ledger.ts';
import { HostAgent } from '../../../agent/executor/host-agent.ts';
import type { HostAgentOptions } from '../../../agent/executor/host-options.ts';
import { FakeHypervisor, type FakeOptions } from '../../../agent/testing/fake-hypervisor.ts';
import { type FakeFaults, NO_FAULTS } from '../../../agent/testing/fake-hypervisor.ts';
import { hostClock } from '../../../base/clock.ts';
import { GIB } from '../../../base/units.ts';
import { eachRecord } from '../../../ledger/reader.ts';
import type { LedgerRecord } from '../../../ledger/record.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FAKE_IMAGES } from '../../fakes/host.ts';
import { folderOf } from '../../ledger/made.ts';

export const WALL_MS = 1_800_000_000_000;

/** A ledger of real time. */
export function ledgerIn(folder: string): AgentLedger {
  return new AgentLedger({
    folder,
    host: 'h1',
    clock: hostClock,
    wallMs: () => Date.now(),
    when_full: 'stop-grants',
    onFull: () => undefined,
  });
}

export interface Keeping {
  readonly clock: FakeClock;
  readonly hypervisor: FakeHypervisor;
  readonly agent: HostAgent;
  readonly ledger: AgentLedger;
  readonly folder: string;
  /** All that is in the ledger by now. */
  readonly records: () => LedgerRecord[];
}

export interface KeepingOptions {
  readonly faults?: Partial<FakeFaults>;
  readonly fake?: FakeOptions;
  readonly agent?: Partial<HostAgentOptions>;
  readonly ledger?: Partial<AgentLedgerOptions>;
}

export function keepingHost(t: ExecutionContext, options: KeepingOptions = {}): Keeping {
  const clock = new FakeClock();
  const folder = options.ledger?.folder ?? folderOf(t);
  const faults = { ...NO_FAULTS, ...options.faults };
  const hypervisor = new FakeHypervisor(clock, faults, options.fake);
  const ledger = new AgentLedger({
    folder,
    host: 'h1',
    clock,
    wallMs: () => WALL_MS + clock.nowMs(),
    when_full: 'stop-grants',
    onFull: () => undefined,
    ...options.ledger,
  });
  const agent = new HostAgent({
    clock,
    hypervisor,
    images: FAKE_IMAGES,
    log: pino({ level: 'silent' }),
    host_limit_bytes: 8 * GIB,
    vms_dir: '/nonexistent/vms',
    version: 'test',
    ledger,
    ...options.agent,
  });
  const records = (): LedgerRecord[] => {
    const found: LedgerRecord[] = [];
    eachRecord(folder, (record) => found.push(record));
    return found;
  };
  return { clock, hypervisor, agent, ledger, folder, records };
}

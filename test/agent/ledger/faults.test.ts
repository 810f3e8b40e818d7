/**
 * A hundred faults, one a host: whoever was hit by it asks the ledger, by his own name for what he
 * asked for, and is told what it was. Nothing else is looked at.
 */
import test from 'ava';
import { emulated } from '../../../agent/model/work.ts';
import type { GuestFault } from '../../../agent/testing/fake-guest.ts';
import type { LaunchFault, ResizeFault } from '../../../agent/testing/fake-hypervisor.ts';
import { isHotplaneError } from '../../../base/errors.ts';
import { MIB } from '../../../base/units.ts';
import { LedgerGraph } from '../../../ledger/graph.ts';
import { verify } from '../../../ledger/verify.ts';
import { denialsOf, whyOf } from '../../../ledger/why.ts';
import { specOf, WORK } from '../core/world.ts';
import { type Keeping, keepingHost, type KeepingOptions } from './keeping.ts';

type Mechanism = 'virtio-mem' | 'numa' | 'hotmem' | 'static';

interface Case {
  readonly what: string;
  readonly mechanism: Mechanism;
  readonly options: KeepingOptions;
  /** What is asked about afterwards: an invocation, an operation, a VM, an instance. */
  readonly victim: (host: Keeping) => string;
  /** The record that has to be found, in a word: its kind, and what it says. */
  readonly cause: RegExp;
  readonly play?: (host: Keeping) => Promise<void>;
}

/** Well until the nth time, then the fault, then well again. */
function nth<Fault extends string>(count: number, fault: Fault): () => Fault | 'none' {
  let seen = 0;
  return () => {
    seen += 1;
    return seen === count ? fault : 'none';
  };
}

const ON_DEMAND = ['virtio-mem', 'numa', 'hotmem'] as const;
const ALL = [...ON_DEMAND, 'static'] as const;

function launches(): Case[] {
  const faults: LaunchFault[] = ['refuse', 'die', 'no-hello', 'panic'];
  return faults.flatMap((fault) =>
    ALL.map(
      (mechanism): Case => ({
        what: `a VM that does not start: ${fault}`,
        mechanism,
        options: { faults: { launch: nth(1, fault) } },
        victim: () => 'vm1',
        // What is plugged at boot may end first, and then says itself that the VMM is gone.
        cause:
          fault === 'die' && mechanism === 'static'
            ? /^(fault vm HP_|populated failed HP_VMM_GONE$)/
            : /^fault vm HP_/,
      }),
    ),
  );
}

function plugs(): Case[] {
  const faults: [ResizeFault, RegExp][] = [
    ['refuse', /^populated refused/],
    ['partial', /^populated partial/],
    ['throw', /^populated failed/],
    ['die', /^(fault vm HP_|populated failed)/],
  ];
  return faults.flatMap(([fault, cause]) =>
    ON_DEMAND.flatMap((mechanism) =>
      [1, 2].map((count): Case => {
        const faulty = nth(count, fault);
        return {
          what: `plug ${count} goes wrong: ${fault}`,
          mechanism,
          options: {
            faults: { resize: (kind) => (kind === 'plug' ? faulty() : 'none') },
          },
          victim: () => `call${count}`,
          cause,
        };
      }),
    ),
  );
}

function unplugs(): Case[] {
  const faults: [ResizeFault, RegExp][] = [
    ['refuse', /^emptied refused/],
    ['partial', /^emptied partial/],
    ['throw', /^emptied failed/],
  ];
  return faults.flatMap(([fault, cause]) =>
    ON_DEMAND.flatMap((mechanism) =>
      [1, 2].map((count): Case => {
        const faulty = nth(count, fault);
        return {
          what: `unplug ${count} goes wrong: ${fault}`,
          mechanism,
          options: {
            faults: { resize: (kind) => (kind === 'unplug' ? faulty() : 'none') },
          },
          victim: (host: Keeping) =>
            host.records().filter(({ kind }) => kind === 'unplug')[count - 1]?.operation_id ?? '',
          cause,
        };
      }),
    ),
  );
}

function guests(): Case[] {
  const faults: [string, GuestFault, RegExp][] = [
    ['start', 'refuse', /^fault start HP_/],
    ['start', 'silent', /^fault (start|vm) HP_/],
    ['invoke', 'refuse', /^fault invocation HP_/],
    ['invoke', 'exit', /^fault oom HP_AGENT_INSTANCE_OOM/],
    ['invoke', 'silent', /^fault invocation HP_/],
  ];
  return faults.flatMap(([request, fault, cause]) =>
    ALL.flatMap((mechanism) =>
      [1, 2].map((count): Case => {
        const faulty = nth(count, fault);
        return {
          what: `the guest at ${request} ${count}: ${fault}`,
          mechanism,
          options: {
            faults: { guest: (asked) => (asked === request ? faulty() : 'none') },
          },
          victim: () => `call${count}`,
          cause,
        };
      }),
    ),
  );
}

/** A VM or an instance that ends while its call runs. */
function ends(): Case[] {
  const kinds: [string, RegExp, (host: Keeping) => void][] = [
    [
      'the VM dies under its call',
      /^fault vm HP_/,
      ({ hypervisor }) => hypervisor.alive()[0]?.die(),
    ],
    [
      'the instance crashes under its call',
      /^fault crash HP_AGENT_INSTANCE_EXITED/,
      ({ hypervisor }) => {
        const guest = hypervisor.alive()[0]?.guest;
        guest?.exit(guest.instances.keys().next().value ?? '', 'crash');
      },
    ],
  ];
  return kinds.flatMap(([what, cause, strike]) =>
    ALL.map(
      (mechanism): Case => ({
        what,
        mechanism,
        options: {},
        victim: () => 'call1',
        cause,
        play: async (host) => {
          const asked = call(host, 'call1', 60_000);
          await host.clock.advance(5_000);
          strike(host);
          await host.clock.until(asked);
        },
      }),
    ),
  );
}

/** Memory that is not there. */
function denials(): Case[] {
  const host_limit_bytes = (256 + 128 + 64) * MIB;
  return ON_DEMAND.map(
    (mechanism): Case => ({
      what: 'no memory for a second instance',
      mechanism,
      options: { agent: { host_limit_bytes } },
      victim: () => 'call2',
      cause: /^denied HP_AGENT_NO_MEMORY|^denied refused HP_AGENT_NO_MEMORY/,
      play: async (host) => {
        const first = call(host, 'call1', 60_000);
        await host.clock.advance(1_000);
        // It waits for the first one to end, or is refused: what was denied stands there.
        await host.clock.until(call(host, 'call2', 1));
        await host.clock.until(first);
      },
    }),
  );
}

async function call({ agent }: Keeping, id: string, wall_ms: number): Promise<string> {
  const work = { ...WORK, wall_ms };
  return await agent.invoke('f', id, emulated(work)).then(
    ({ outcome }) => outcome,
    (error: unknown) => (isHotplaneError(error) ? error.code : 'broken'),
  );
}

/** Two calls, each in an instance of its own. */
async function twoCalls(host: Keeping): Promise<void> {
  const { clock } = host;
  await clock.until(call(host, 'call1', 1));
  await clock.advance(120_000);
  await clock.until(call(host, 'call2', 1));
  await clock.advance(120_000);
}

const CASES: readonly Case[] = [
  ...launches(),
  ...plugs(),
  ...unplugs(),
  ...guests(),
  ...ends(),
  ...denials(),
];

test('there are a hundred of them', (t) => {
  t.true(CASES.length >= 100, `${CASES.length} faults`);
});

test('each fault is found by whoever was hit by it, from the ledger alone', async (t) => {
  t.timeout(600_000);
  for (const { what, mechanism, options, victim, cause, play } of CASES) {
    const host = keepingHost(t, options);
    const { agent, clock, ledger, folder } = host;
    const spec = specOf('f', { mechanism, concurrency: mechanism === 'static' ? 1 : 2 });
    const deployed = agent.deploy(spec).catch(() => null);
    await clock.until(deployed);
    await (play ?? twoCalls)(host);
    await clock.until(agent.stop(1_000).catch(() => undefined));
    ledger.close('stopped');
    const { bad } = verify(folder, [ledger.head]);
    t.is(bad, null, what);
    const graph = LedgerGraph.read([folder]);
    const { because } = whyOf(graph, victim(host));
    const { kind, what: word, outcome, code } = because?.record ?? {};
    const told = [kind, word ?? outcome, code].filter((one) => one).join(' ');
    t.regex(told, cause, `${what}, ${mechanism}`);
  }
});

test('what was denied is listed with who had asked', async (t) => {
  const [denial] = denials();
  const host = keepingHost(t, denial?.options ?? {});
  await host.clock.until(host.agent.deploy(specOf('f', { concurrency: 2 })));
  await denial?.play?.(host);
  await host.clock.until(host.agent.stop(1_000));
  host.ledger.close('stopped');
  const found = denialsOf(LedgerGraph.read([host.folder]));
  t.true(found.length > 0);
  for (const { target, asked } of found) {
    t.is(target.record.code, 'HP_AGENT_NO_MEMORY');
    t.is(asked?.record.invocation_id, 'call2');
  }
});

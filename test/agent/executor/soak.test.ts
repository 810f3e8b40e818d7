/**
 * Scale-ups and scale-downs without end, with agents, VMs and instances killed in between: after
 * each the book, the VMMs and the guests account for every byte, and nothing grows.
 */
import test from 'ava';
import fc from 'fast-check';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MIB } from '../../../base/units.ts';
import { aMoment } from '../../fakes/clock.ts';
import { holds, numberOf } from '../../seed.ts';
import { type FunctionName, FUNCTIONS, SoakHost } from './soak-host.ts';

const CYCLES = numberOf('HOTPLANE_SOAK_CYCLES', 40);
/** What the heap may have grown by from a quarter of the cycles to their end. */
const GROWTH_BYTES = 8 * MIB;

/** What is left to be told after a cycle is told within so much of the real clock. */
const SETTLE_MS_MAX = 60_000;

const KILLS = ['agent', 'agent twice', 'vm', 'instance'] as const;

/** Calls at once, and what is killed while they run. */
interface Cycle {
  readonly calls: readonly FunctionName[];
  readonly kill: 'nothing' | (typeof KILLS)[number];
  readonly victim: number;
  readonly at_ms: number;
}

const cycle: fc.Arbitrary<Cycle> = fc.record({
  calls: fc.array(fc.constantFrom(...FUNCTIONS), { minLength: 1, maxLength: 12 }),
  kill: fc.oneof(fc.constant('nothing' as const), fc.constantFrom(...KILLS)),
  victim: fc.nat(100),
  at_ms: fc.nat(300),
});

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

const openFiles = (): number => readdirSync('/proc/self/fd').length;

async function kill(host: SoakHost, { kill: what, victim }: Cycle): Promise<void> {
  if (what === 'agent' || what === 'agent twice') await host.kill();
  if (what === 'agent twice') await host.kill();
  const alive = host.hypervisor.alive();
  const vm = alive[victim % Math.max(1, alive.length)];
  if (what === 'vm') vm?.die();
  const instance = vm?.guest.instances.keys().next().value;
  if (what === 'instance' && instance) vm.guest.exit(instance, 'crash');
}

async function play(host: SoakHost, one: Cycle): Promise<void> {
  for (const name of new Set(one.calls)) await host.deploy(name);
  for (const name of one.calls) host.call(name);
  await host.clock.advance(one.at_ms);
  await kill(host, one);
  await host.quiet();
  // The end of a VM may wait for a write of the agent to a real disk.
  const end_ms = performance.now() + SETTLE_MS_MAX;
  let troubles = host.troubles();
  while (troubles.length > 0 && performance.now() < end_ms) {
    await aMoment();
    await host.quiet();
    troubles = host.troubles();
  }
  if (troubles.length > 0) throw new Error(troubles.join('; '));
}

test('cycles with random kills: every byte is accounted for, and nothing grows', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-soak-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  let plays = 0;
  const bounds = { minLength: CYCLES, maxLength: CYCLES, size: 'max' } as const;
  // A smaller case takes as long to look for as many plays: the seed has to do.
  const all = fc.noShrink(fc.array(cycle, bounds));
  const property = fc.asyncProperty(all, async (cycles) => {
    plays += 1;
    const host = new SoakHost(join(folder, `${plays}.db`));
    await host.start();
    const quarter = Math.floor(cycles.length / 4);
    let before = { heap_bytes: 0, files: 0 };
    for (const [at, one] of cycles.entries()) {
      if (at === quarter) before = { heap_bytes: heapBytes(), files: openFiles() };
      await play(host, one);
    }
    const grown_bytes = heapBytes() - before.heap_bytes;
    const files = openFiles() - before.files;
    const { agents, asked, done } = host;
    t.log(`${cycles.length} cycles, ${agents} agents, ${asked} calls of which ${done} done`);
    t.log(`heap ${Math.round(grown_bytes / 1024)} KiB more, ${files} open files more`);
    await host.end();
    if (host.hypervisor.alive().length > 0) throw new Error('a VM is left');
    if (grown_bytes > GROWTH_BYTES) throw new Error(`the heap grew by ${grown_bytes} bytes`);
    if (files > 0) throw new Error(`${files} files stay open`);
  });
  await holds(t, property, { runs: 1 });
});

/**
 * Goal: what an instance does with its memory is counted in its region, and nowhere else.
 * Method: an agent with a VM whose accesses are counted; the built-in function touches its memory.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import { emulated } from '../../../agent/model/work.ts';
import { KIB, MIB } from '../../../base/units.ts';
import { ensureAccessPlugin } from '../../../bench/accesses/program.ts';
import { accessesIn, parseAccesses } from '../../../hypervisor-client/qemu/accesses.ts';
import { QemuDriver } from '../../../hypervisor-client/qemu/driver.ts';
import { functionHost } from '../../agent/function-host.ts';
import { specOf } from '../../agent/core/world.ts';

const TOUCHED_BYTES = 16 * MIB;
/** Of each page that it wrote before it reads its first and last word, and writes both. */
const WORDS = (2 * TOUCHED_BYTES) / (4 * KIB);
const rangesSchema = z.array(z.object({ id: z.string(), start: z.number(), bytes: z.number() }));

test('each line that an instance touches is filled in its region, and in no other', async (t) => {
  const accesses = { path: await ensureAccessPlugin(), sets: 2_048, ways: 16 };
  const hypervisor = new QemuDriver({ accesses });
  const host = await functionHost(t, ['hotmem'], { hypervisor });
  const part = { mechanism: 'hotmem', limit_bytes: 128 * MIB, concurrency: 2 };
  await host.agent.deploy(specOf('f', { ...part, keep_alive_ms: 3_600_000 }));
  const work = { anonymous_bytes: TOUCHED_BYTES, file_bytes: 0, cpu_ms: 0, wall_ms: 0 };
  const call = async (name: string) => {
    const reply = await host.agent.invoke('f', name, emulated(work));
    t.like(reply, { outcome: 'done', failure: null });
  };
  await call('first');
  const [vm] = [...host.agent.state.vms.values()];
  if (!vm) throw new Error('its VM runs');
  const folder = join(host.vms_dir, vm.id);
  const ranges = rangesSchema.parse(
    JSON.parse(await readFile(join(folder, 'accesses.json'), 'utf8')),
  );
  const now = async () => {
    const table = parseAccesses(await readFile(join(folder, 'accesses')));
    if (!table) throw new Error('there are counts');
    return table;
  };
  const before = await now();
  await call('second');
  const after = await now();
  const told = ranges.map((range) => ({ id: range.id, ...accessesIn(range, after, before) }));
  for (const one of told) t.log(JSON.stringify(one));
  const [used, ...others] = told
    .filter(({ id }) => id !== 'boot')
    .toSorted((a, b) => b.stores - a.stores);
  if (!used) throw new Error('the VM has regions');
  t.true(used.loads >= WORDS && used.stores >= WORDS);
  // Too many for the cache to have them still, and beside them what a program needs itself.
  t.true(used.fills >= WORDS && used.fills <= 1.1 * WORDS, `${used.fills} for ${WORDS} lines`);
  for (const { loads, stores } of others) t.is(loads + stores, 0, 'nobody has it');
  t.is(after.beyond, before.beyond, 'the firmware alone is beyond all counters');
});

/** What the host can still give, read from the kernel's files; and what an agent makes of it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { pino } from 'pino';
import { HostAgent } from '../../../agent/executor/host-agent.ts';
import { emulated } from '../../../agent/model/work.ts';
import { readAvailable } from '../../../agent/pressure/available.ts';
import { readHostMemory } from '../../../agent/pressure/host-memory.ts';
import { FakeHypervisor, NO_FAULTS } from '../../../agent/testing/fake-hypervisor.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { specOf, WORK } from '../core/world.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FAKE_IMAGES } from '../../fakes/host.ts';

/** Files of a /proc, and of cgroups beside it, in a folder of their own. */
async function hostWith(files: Readonly<Record<string, string>>) {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-available-'));
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text.replaceAll('DIR', dir));
  };
  for (const [path, text] of Object.entries(files)) await write(path, text);
  const remove = (): Promise<void> => rm(dir, { recursive: true });
  return { dir, write, remove, read: () => readAvailable({ proc: join(dir, 'proc') }) };
}

const meminfo = (bytes: number): string =>
  `MemTotal: 24689764 kB\nMemAvailable: ${String(Math.floor(bytes / 1024)).padStart(8)} kB\n`;
const PSI = 'some avg10=12.50 avg60=1.00 avg300=0.10 total=1\nfull avg10=3.25 avg60=0.00 total=1\n';

test('MemAvailable and PSI, where no cgroup has a limit', async (t) => {
  const host = await hostWith({ 'proc/meminfo': meminfo(GIB), 'proc/pressure/memory': PSI });
  t.teardown(host.remove);
  t.deepEqual(host.read(), { available_bytes: GIB, some_percent: 12.5, full_percent: 3.25 });
});

test('what is not told is not known', async (t) => {
  const host = await hostWith({ 'proc/meminfo': meminfo(GIB) });
  t.teardown(host.remove);
  t.deepEqual(host.read(), { available_bytes: GIB, some_percent: null, full_percent: null });
  await host.write('proc/meminfo', 'MemTotal: 1 kB\n');
  t.is(host.read(), null);
});

for (const [name, cgroup, mount, files] of [
  [
    'v2',
    '0::/a/b\n',
    '1 0 0:1 / DIR/cg rw - cgroup2 cgroup2 rw\n',
    {
      'cg/a/memory.max': `${600 * MIB}\n`,
      'cg/a/memory.current': `${500 * MIB}\n`,
      'cg/a/memory.stat': `anon 5\ninactive_file ${50 * MIB}\n`,
      'cg/a/b/memory.max': 'max\n',
      'cg/a/b/memory.current': `${900 * MIB}\n`,
    },
  ],
  [
    'v1',
    '4:memory:/a\n',
    '1 0 0:1 / DIR/cg rw - cgroup cgroup rw,memory\n',
    {
      'cg/a/memory.limit_in_bytes': `${600 * MIB}\n`,
      'cg/a/memory.usage_in_bytes': `${500 * MIB}\n`,
      'cg/a/memory.stat': `inactive_file 7\ntotal_inactive_file ${50 * MIB}\n`,
    },
  ],
] as const) {
  test(`the room in a memory cgroup (${name}) counts where it is less, droppable files as free`, async (t) => {
    const host = await hostWith({
      'proc/meminfo': meminfo(GIB),
      'proc/self/cgroup': cgroup,
      'proc/self/mountinfo': mount,
      ...files,
    });
    t.teardown(host.remove);
    t.is(host.read()?.available_bytes, 150 * MIB);
  });
}

test('a limit around the folder of VMMs counts, though we are not in it', async (t) => {
  const host = await hostWith({
    'proc/meminfo': meminfo(GIB),
    'cg/machine/cgroup.controllers': 'memory\n',
    'cg/machine/memory.max': `${600 * MIB}\n`,
    'cg/machine/memory.current': `${500 * MIB}\n`,
    'cg/machine/memory.stat': `inactive_file ${50 * MIB}\n`,
    'cg/machine/vms/cgroup.controllers': 'memory\n',
    'cg/machine/vms/memory.max': 'max\n',
    // Not of cgroup v2: nothing above it is asked.
    'cg/memory.max': '1\n',
    'cg/memory.current': '1\n',
  });
  t.teardown(host.remove);
  const paths = { proc: join(host.dir, 'proc'), vms: join(host.dir, 'cg/machine/vms') };
  t.is(readAvailable(paths)?.available_bytes, 150 * MIB);
  await host.write('proc/meminfo', `MemTotal: ${GIB / 1024} kB\n`);
  t.is(readHostMemory(paths).usable_bytes, 600 * MIB);
});

test('this host tells what it has', (t) => {
  const told = readAvailable();
  t.true((told?.available_bytes ?? 0) > 0);
});

test('an agent beside a hog gives memory back, idle instances first, and says so', async (t) => {
  const keep_bytes = 400 * MIB;
  const host = await hostWith({ 'proc/meminfo': meminfo(64 * GIB) });
  const clock = new FakeClock();
  const agent = new HostAgent({
    clock,
    hypervisor: new FakeHypervisor(clock, NO_FAULTS, {}),
    images: FAKE_IMAGES,
    log: pino({ level: 'silent' }),
    host_limit_bytes: 8 * GIB,
    vms_dir: '/nonexistent/vms',
    version: 'test',
    bounds: { host_keep_bytes: keep_bytes },
    readAvailable: host.read,
  });
  t.teardown(async () => {
    await clock.until(agent.stop(0));
    await host.remove();
  });
  const reports: string[] = [];
  agent.hub.listen((kind, record) => {
    if (kind === 'report' && 'code' in record) reports.push(record.code);
  });
  await clock.until(agent.deploy(specOf('f', { keep_alive_ms: 1e6 })));
  await clock.until(agent.invoke('f', 'x', emulated(WORK)));
  const status = async () => await clock.until(agent.status(''));
  t.is((await status()).functions[0]?.instances_idle, 1);

  await host.write('proc/meminfo', meminfo(keep_bytes / 5));
  for (let looks = 0; looks < 20; looks += 1) await clock.advance(250);
  const short = await status();
  t.is(short.functions[0]?.instances_idle, 0);
  t.is(short.functions[0]?.permits_bytes, 0);
  t.like(short.host_memory, { pressure: 'starts', keep_bytes });
  const refused = await clock.until(agent.invoke('f', 'y', emulated(WORK)));
  t.is(refused.error_code, 'HP_AGENT_HOST_PRESSURE');
  t.true(reports.includes('HP_AGENT_HOST_PRESSURE'));

  await host.write('proc/meminfo', meminfo(64 * GIB));
  for (let looks = 0; looks < 120; looks += 1) await clock.advance(250);
  t.is((await status()).host_memory?.pressure, 'none');
  t.is((await clock.until(agent.invoke('f', 'z', emulated(WORK)))).outcome, 'done');
});

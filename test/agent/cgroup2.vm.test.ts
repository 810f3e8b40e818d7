/**
 * Goal: on a host with cgroup v2 a guest that takes more than it was given is ended by its fence
 * alone, and nothing is left; the agent says of a folder what the kernel makes of it; and where
 * somebody beside it takes the host's memory, memory comes back in the stated order and the kernel
 * has nobody to kill. Method: the nested machine, with Debian's kernel: agent and VMs of QEMU
 * there, in cgroups as an operator makes them. Behind HOTPLANE_CGROUP2, for all of it is emulated.
 */
import test, { type ExecutionContext } from 'ava';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDir, PROJECT_ROOT } from '../../base/paths.ts';
import { ensureGuest } from '../../images/index.ts';
import { runInNestedMachine, shellQuote } from '../../images/nested/machine.ts';
import { type Told, toldSchema } from './cgroup2/told.ts';

const DEADLINE_MS = 2_700_000;
const BUILD_MS = 120_000;
/** Of the VM that serves. */
const BOOT_MIB = 192;
const REGION_MIB = 128;
const SLACK_MIB_MAX = 264;

const run = promisify(execFile);

/** Of a guest without an operating system: nothing of the host's libraries is in it. */
const BARE =
  '-m32 -march=i686 -O2 -Wall -Wextra -Werror -s -ffreestanding -nostdlib -static -no-pie -fno-pic ' +
  '-fno-stack-protector -fno-asynchronous-unwind-tables ' +
  '-Wl,-m,elf_i386,-Ttext=0x100000,-e,_start,--build-id=none,-n,--no-warn-rwx-segments';

/** Everything that was told inside, in its order. */
async function runInside(t: ExecutionContext, ...parts: string[]): Promise<readonly Told[]> {
  await ensureGuest({ variant: 'hotmem' });
  const run_dir = await mkdtemp(join(tmpdir(), 'hotplane-cgroup2-'));
  t.teardown(async () => await rm(run_dir, { recursive: true, force: true }));
  const source = join(PROJECT_ROOT, 'test/agent/cgroup2/rogue.c');
  const options = { timeout: BUILD_MS };
  await run('gcc', [...BARE.split(' '), '-o', join(run_dir, 'rogue'), source], options);
  // Finished images: whether they could be built is asked nowhere in the machine.
  const main = join(PROJECT_ROOT, 'cli/main.ts');
  await run(
    process.execPath,
    [main, 'images', 'export', '--out', join(run_dir, 'images')],
    options,
  );
  const inside = '/run/hotplane-nested';
  const words = [
    process.execPath,
    'test/agent/cgroup2/inside.ts',
    join(inside, 'rogue'),
    join(inside, 'images'),
    ...parts,
  ];
  const told: Told[] = [];
  const onLine = (line: string): void => {
    if (!line.startsWith('{"what"')) return;
    told.push(toldSchema.parse(JSON.parse(line)));
    t.log(line);
  };
  const { exit_code, output } = await runInNestedMachine({
    command: words.map(shellQuote).join(' '),
    working_dir: PROJECT_ROOT,
    run_dir,
    cache_dir: cacheDir(),
    deadline_ms: DEADLINE_MS,
    onLine,
  });
  t.is(exit_code, 0, output);
  return told;
}

function partOf<W extends Told['what']>(
  told: readonly Told[],
  what: W,
): Extract<Told, { what: W }> {
  const part = told.find((one): one is Extract<Told, { what: W }> => one.what === what);
  if (!part) throw new Error(`nothing is told of '${what}'`);
  return part;
}

const underCgroup2 = process.env['HOTPLANE_CGROUP2'] ? test.serial : test.serial.skip;

underCgroup2(
  'under cgroup v2 a guest that takes what it was not given is fenced, and nothing is left',
  async (t) => {
    t.timeout(DEADLINE_MS + 300_000);
    const told = await runInside(t, 'delegation', 'fence');
    const { nothing, part, whole } = partOf(told, 'delegated');
    t.regex(nothing.why ?? '', /may not write \/sys\/fs\/cgroup\/host\/vms$/);
    t.regex(
      part.why ?? '',
      /no process can be moved to it .* \/sys\/fs\/cgroup\/host\/cgroup.procs$/,
    );
    t.is(whole.why, null);
    t.regex(nothing.kernel, /EACCES/, 'the kernel says the same');
    t.regex(part.kernel, /EACCES/);
    t.is(whole.kernel, 'done');
    t.regex(partOf(told, 'serving').said, /host limit 2\.\d+ GiB/, 'of the limit of its cgroup');

    const fenced = partOf(told, 'fenced');
    t.regex(fenced.refused, /took more than the .* that its memory cgroup allows/);
    t.is(fenced.calls_failed, 0, 'its neighbour serves all the while');
    t.true(fenced.calls_meanwhile > 0);
    t.is(fenced.kernel_kills.length, 1);
    t.regex(fenced.kernel_kills[0] ?? '', /qemu-system/);
    t.deepEqual(fenced.groups_after, fenced.groups_before, 'its group went with it');
    const { max_mib = 0, used_mib = 0 } = fenced.calm ?? {};
    t.true(used_mib > 0 && used_mib < max_mib, `${used_mib} MiB of ${max_mib} MiB`);
    t.true(max_mib <= BOOT_MIB + REGION_MIB + SLACK_MIB_MAX, 'what is plugged, and slack');
    t.deepEqual(partOf(told, 'left'), { what: 'left', groups: [], processes: [] });
  },
);

/** Levels of pressure, from the first to the last. */
const LEVELS = ['reserve', 'idle', 'growth', 'starts'];

underCgroup2(
  'a hog beside the agent: memory comes back in the stated order, and nobody is killed',
  async (t) => {
    t.timeout(DEADLINE_MS + 300_000);
    const told = await runInside(t, 'pressure');
    const { levels, operations, growth, start, busy_done, after, kernel_kills } = partOf(
      told,
      'pressed',
    );
    const last = levels.indexOf('starts');
    const rising = levels.slice(0, last + 1);
    t.deepEqual([...new Set(rising)], LEVELS, 'each level in its turn');
    t.deepEqual(levels.slice(-4), ['growth', 'idle', 'reserve', 'none'], 'and back again');
    const firstOf = (what: string): number => operations.findIndex((one) => one.startsWith(what));
    const order = ['unplug pressure calm', 'unplug stop calm', 'unplug stop late'].map(firstOf);
    t.true(
      order.every((at) => at >= 0),
      operations.join('; '),
    );
    t.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
      `what stands ready, then who idles, longest first: ${operations.join('; ')}`,
    );
    t.not(growth, 'done', 'who wants to grow is told no');
    t.is(start, 'HP_AGENT_HOST_PRESSURE', 'nobody starts');
    t.false(busy_done, 'who is at work goes on');
    t.is(after, 'done', 'and all is well again afterwards');
    t.deepEqual(kernel_kills, []);
    t.deepEqual(partOf(told, 'left'), { what: 'left', groups: [], processes: [] });
  },
);

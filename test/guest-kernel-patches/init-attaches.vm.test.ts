/**
 * Goal: what cannot be killed cannot get into a partition, where it would fault for ever once that
 * is full. Method: a guest whose init tries each way in, and then has a child that gets in and
 * overfills the partition, as a control.
 */
import test from 'ava';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostClock } from '../../base/clock.ts';
import { MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { splats } from '../../bench/kernel/selftest-lines.ts';
import { QemuDriver } from '../../hypervisor-client/qemu/driver.ts';
import { deviceOf } from '../../hypervisor-client/spec.ts';
import { ensureGuest, guestKernelArguments } from '../../images/index.ts';
import { directory, file, writeCpio } from '../../images/rootfs/cpio.ts';
import { ensureStaticProgram } from '../../images/rootfs/program.ts';

const SOURCE = fileURLToPath(new URL('guest/init-attaches.c', import.meta.url));
const PLUGGED_BYTES = 64 * MIB;
const DEVICE_BYTES = 256 * MIB;
const RUN_MS = 240_000;

const EXPECTED = [
  'open: 0',
  'attaches: EPERM',
  'by pidfd: EPERM',
  'on exec: EPERM',
  'a child with the memory of init attaches: EPERM',
  'a child attaches: 0',
  'child: signal 9',
];

test('init gets into no partition, and a child of it that fills one dies alone', async (t) => {
  t.timeout(RUN_MS + 60_000);
  const run_dir = await mkdtemp(join(tmpdir(), 'hotplane-selftest-'));
  t.teardown(() => rm(run_dir, { recursive: true, force: true }));
  const { kernel_path } = await ensureGuest({ variant: 'hotmem' });
  const program = await ensureStaticProgram({ name: 'test-init-attaches', sources: [SOURCE] });
  const initrd_path = join(run_dir, 'initrd.cpio');
  const entries = [directory('dev'), file('init', await readFile(program), 0o755)];
  await writeFile(initrd_path, writeCpio(entries));
  const vm = await new QemuDriver().launch({
    id: 'init-attaches',
    run_dir: join(run_dir, 'vm'),
    kernel_path,
    initrd_path,
    kernel_arguments: guestKernelArguments({
      partitions: 'all',
      init_on_alloc: false,
      guest_huge_pages: false,
    }),
    vcpus: 2,
    boot_bytes: 256 * MIB,
    devices: [deviceOf({ id: 'r0', max_bytes: DEVICE_BYTES, initial_bytes: PLUGGED_BYTES })],
    backing: 'anonymous',
    accelerator: 'auto',
  });
  t.teardown(() => vm.shutdown());

  const consoleText = async (): Promise<string> => await readFile(vm.console_path, 'utf8');
  const ends = async (): Promise<true | null> =>
    (await consoleText()).includes('# init end') || null;
  await waitFor(ends, { clock: hostClock, deadline_ms: RUN_MS });
  const text = await consoleText();
  const told = [...text.matchAll(/^# init (.*?: .*?)\r?$/gm)].map(([, what]) => what);
  t.deepEqual(told, EXPECTED, text.slice(-4_000));
  t.is([...text.matchAll(/hotmem: partition \S+ is full .*killed process/g)].length, 1);
  t.deepEqual(splats(text), []);
});

/**
 * `npm run test:cloud-hypervisor`: the conformance suite, the tests of client and driver, those of
 * the project's guest and of the network of functions, and one replay on the real program that
 * CLOUD_HYPERVISOR names. Where this host's KVM can run a guest it runs here, else in the nested
 * machine. Without the program it says so and counts as skipped.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { cacheDir, PROJECT_ROOT } from '../base/paths.ts';
import { createProgress } from '../base/progress.ts';
import { GIB } from '../base/units.ts';
import { probeAccelerator } from '../hypervisor-client/index.ts';
import { ensureGuest } from '../images/index.ts';
import { runInNestedMachine, shellQuote } from '../images/nested/machine.ts';
import { ensureFilesProgram } from '../test/guest-kernel-patches/files-program.ts';
import { ensureNetworkClient } from '../test/agent/network/stage.ts';
import { emptyTally, tallyTapLine, type Tally } from './tap.ts';
import { BINARY, MISSING } from '../test/hypervisor-client/cloud-hypervisor/binary.ts';

const DEADLINE_MS = 3_600_000;
const BIN = join(PROJECT_ROOT, 'node_modules', '.bin');
const FOLDER = 'test/hypervisor-client/cloud-hypervisor';
const TRACE = join(PROJECT_ROOT, FOLDER, 'trace.csv');
const TESTS = [
  'cloud-hypervisor.vm.test.ts',
  'real.test.ts',
  'real-driver.test.ts',
  'refusals.test.ts',
  'guest.vm.test.ts',
  'network.vm.test.ts',
];

/** Sets huge pages apart, in the nested machine alone: what it changes is gone with it. */
const POOL = 'echo 64 > /proc/sys/vm/nr_hugepages';

/** Shell lines; the last one prints a TAP line of its own for the replay. */
function script(kernel_path: string, out_dir: string): string {
  const env = {
    CLOUD_HYPERVISOR: BINARY,
    CLOUD_HYPERVISOR_KERNEL: kernel_path,
    HOTPLANE_CACHE: cacheDir(),
    PATH: [BIN, dirname(BINARY), process.env['PATH'] ?? ''].join(delimiter),
  };
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${shellQuote(value)}`);
  const options: Readonly<Record<string, string>> = {
    vmm: 'cloud-hypervisor',
    trace: TRACE,
    mechanism: 'static,virtio-mem',
    functions: '1',
    'memory-scale': '0.1',
    'keep-alive': '2',
    out: join(out_dir, 'replay'),
  };
  const replay = ['node', 'cli/main.ts', 'replay'];
  for (const [name, value] of Object.entries(options)) replay.push(`--${name}`, value);
  return [
    ...exports,
    `ava --tap --concurrency 1 --timeout 20m ${TESTS.map((name) => `${FOLDER}/${name}`).join(' ')}`,
    `${replay.map(shellQuote).join(' ')} && echo "ok 1000 - a replay" || echo "not ok 1000 - a replay"`,
  ].join('\n');
}

/** Runs the lines with this host's shell. */
async function runHere(command: string, onLine: (line: string) => void): Promise<void> {
  const child = spawn('sh', ['-c', command], {
    cwd: PROJECT_ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: DEADLINE_MS,
  });
  for await (const line of createInterface({ input: child.stdout })) onLine(line);
}

async function runAll(): Promise<Tally> {
  const progress = createProgress({ stream: process.stderr });
  const { kernel_path } = await ensureGuest({ variant: 'stock', progress });
  // What the nested machine builds is gone with it.
  await ensureGuest({ variant: 'hotmem', progress });
  await Promise.all([ensureFilesProgram(), ensureNetworkClient()]);
  const scratch = await mkdtemp(join(tmpdir(), 'hotplane-ch-'));
  let tally = emptyTally();
  const onLine = (line: string): void => {
    process.stdout.write(`${line}\n`);
    tally = tallyTapLine(tally, line);
  };
  try {
    const { accelerator, reason } = await probeAccelerator();
    if (accelerator === 'kvm') {
      await runHere(script(kernel_path, scratch), onLine);
      return tally;
    }
    process.stdout.write(`no KVM here (${reason}): running in the nested machine\n`);
    await runInNestedMachine({
      command: `${POOL}\n${script(kernel_path, '/tmp')}`,
      working_dir: PROJECT_ROOT,
      run_dir: scratch,
      cache_dir: cacheDir(),
      memory_bytes: 8 * GIB,
      deadline_ms: DEADLINE_MS,
      onLine,
    });
    return tally;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

if (BINARY === '') {
  process.stdout.write(`${MISSING}\n0 passed, 0 failed, 1 skipped\n`);
} else {
  const { passed, failed } = await runAll();
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

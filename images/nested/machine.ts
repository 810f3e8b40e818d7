/**
 * A machine with working KVM on a host that has none: QEMU emulates a CPU with AMD SVM (TCG),
 * Debian's kernel loads kvm_amd in it, and the host's own root file system is its root, read-only
 * under a layer of memory. So Node, QEMU, Cloud Hypervisor and this project are there without
 * building an image. Slow (everything is emulated twice), but real: what runs in it is an ordinary
 * KVM user.
 */
import { execa } from 'execa';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { emulatedCpu } from '../../base/emulated-cpu.ts';
import { imageError } from '../errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { IMAGE_LIMITS } from '../limits.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { vmmEnvironment } from '../../base/tool-environment.ts';
import { GIB, MIB } from '../../base/units.ts';
import { directory, file, writeCpio } from '../rootfs/cpio.ts';
import { ensureStaticProgram } from '../rootfs/program.ts';
import { type DebianKernel, ensureDebianKernel, readModule } from './debian-kernel.ts';
import { moduleName } from './modules.ts';

const QEMU = 'qemu-system-x86_64';
const INIT_SOURCE = fileURLToPath(new URL('./init.c', import.meta.url));
/**
 * A tick that repeats by itself, not a timer set for each wake-up. QEMU's vmrun and #VMEXIT change
 * `interrupt_request` without the lock that devices hold when they do (target/i386/tcg/sysemu/
 * svm_helper.c), so an interrupt can get lost while the interrupt controller still shows it; if it
 * was the timer's, the only CPU sleeps for ever. The next tick makes up for any lost one.
 */
const KERNEL_ARGUMENTS = 'console=ttyS0 rdinit=/init quiet panic=-1 nohz=off highres=off';
const START_MARK = 'hotplane-nested: command starts';

export interface NestedRun {
  /** A shell command line; it runs as root in the nested machine, in `working_dir`. */
  readonly command: string;
  readonly working_dir: string;
  /** Scratch folder on the host, seen by the machine as /run/hotplane-nested. */
  readonly run_dir: string;
  readonly cache_dir: string;
  readonly memory_bytes?: number;
  /**
   * 1 unless told. More never run at the same time: where QEMU 7.2 emulates CPUs in threads of
   * their own, one runs into code that another is patching (Linux does so for each first and last
   * VM).
   */
  readonly vcpus?: number;
  /** NUMA nodes, of equal memory; the first one has all CPUs. Absent: the machine has none. */
  readonly nodes?: number;
  readonly deadline_ms: number;
  readonly signal?: AbortSignal | undefined;
  /** Each line the command prints. */
  readonly onLine?: (line: string) => void;
}

export interface NestedResult {
  readonly exit_code: number;
  readonly output: string;
  readonly kernel: string;
}

/** Quotes one word for sh(1). */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

async function writeInitramfs(path: string, kernel: DebianKernel, init: string): Promise<void> {
  const names = kernel.module_paths.map((module_path) => `${moduleName(module_path)}.ko`);
  const entries = [
    directory('dev'),
    directory('modules'),
    file('init', await readFile(init), 0o755),
    file('modules/order', Buffer.from(`${names.join('\n')}\n`), 0o644),
  ];
  for (const module_path of kernel.module_paths) {
    const content = await readModule(module_path);
    entries.push(file(`modules/${moduleName(module_path)}.ko`, content, 0o644));
  }
  await writeFile(path, writeCpio(entries));
}

function share(path: string, tag: string, extra: string): string {
  return `local,path=${path},mount_tag=${tag},security_model=none${extra}`;
}

const memoryBytes = ({ memory_bytes = 4 * GIB }: NestedRun): number => memory_bytes;

/** Nodes without CPUs are as memory behind a link is: farther from the others. */
function nodeArguments(run: NestedRun): string[] {
  const { nodes = 0, vcpus = 1 } = run;
  const size = `${memoryBytes(run) / MIB / Math.max(1, nodes)}M`;
  return Array.from({ length: nodes }, (_, node) => [
    '-object',
    `memory-backend-ram,id=node-${node},size=${size}`,
    '-numa',
    `node,nodeid=${node},memdev=node-${node}${node === 0 ? `,cpus=0-${vcpus - 1}` : ''}`,
  ]).flat();
}

function machineArguments(
  run: NestedRun,
  kernel: DebianKernel,
  initrd: string,
  version: string,
): string[] {
  const memory_bytes = memoryBytes(run);
  const options: Readonly<Record<string, string>> = {
    accel: 'tcg,thread=single',
    cpu: emulatedCpu(version),
    machine: 'q35',
    display: 'none',
    serial: 'stdio',
    m: `${memory_bytes / MIB}`,
    smp: `${run.vcpus ?? 1}`,
    kernel: kernel.kernel_path,
    initrd,
    append: KERNEL_ARGUMENTS,
  };
  return [
    '-nodefaults',
    '-no-reboot',
    ...Object.entries(options).flatMap(([name, value]) => [`-${name}`, value]),
    ...nodeArguments(run),
    '-virtfs',
    share('/', 'root', ',readonly=on,multidevs=remap'),
    '-virtfs',
    share(run.run_dir, 'work', ''),
  ];
}

async function readStatus(run_dir: string): Promise<number | null> {
  const text = await readFile(join(run_dir, 'status'), 'utf8').catch(() => '');
  return /^\d+$/.test(text.trim()) ? Number(text) : null;
}

/**
 * Boots the machine, runs the command, powers off. Throws HP_IMAGE_NESTED when the machine died or
 * the deadline passed before the command ended; a command that failed is a result, not an error.
 */
export async function runInNestedMachine(run: NestedRun): Promise<NestedResult> {
  const kernel = await ensureDebianKernel(run.cache_dir);
  const init = await ensureStaticProgram({ name: 'nested-init', sources: [INIT_SOURCE] });
  await makeFolder(run.run_dir, { mode: 0o700 });
  const script = `cd ${shellQuote(run.working_dir)} || exit 126\necho ${shellQuote(START_MARK)}\n`;
  await writeFile(join(run.run_dir, 'command'), `${script}${run.command}\n`);
  await writeFile(join(run.run_dir, 'status'), '');
  const initrd = join(run.run_dir, 'initramfs.cpio');
  await writeInitramfs(initrd, kernel, init);

  const { stdout: version } = await execa(QEMU, ['--version'], {
    timeout: LIMITS.vmm_start_ms,
    stdin: 'ignore',
    env: vmmEnvironment(),
    extendEnv: false,
  });
  const machine = execa(QEMU, machineArguments(run, kernel, initrd, version), {
    reject: false,
    stdin: 'ignore',
    env: vmmEnvironment(),
    extendEnv: false,
    timeout: run.deadline_ms,
    forceKillAfterDelay: LIMITS.vm_shutdown_ms,
    lines: true,
    maxBuffer: IMAGE_LIMITS.nested_output_bytes,
    ...(run.signal ? { cancelSignal: run.signal } : {}),
  });
  const output: string[] = [];
  let started = false;
  for await (const raw of machine.iterable()) {
    const line = raw.replace(/\r$/, '');
    if (started) {
      output.push(line);
      run.onLine?.(line);
    }
    started ||= line.includes(START_MARK);
  }
  const ended = await machine;
  const exit_code = await readStatus(run.run_dir);
  if (exit_code !== null)
    return { exit_code, output: output.join('\n'), kernel: kernel.package_name };
  throw imageError(
    'HP_IMAGE_NESTED',
    ended.timedOut
      ? `the command did not end before the deadline of ${run.deadline_ms} ms`
      : 'the nested machine ended before the command did',
    {
      category: ended.timedOut ? 'timeout' : 'failure',
      details: { console: [...(ended.stdout ?? [])].slice(-60), stderr: String(ended.stderr) },
    },
  );
}

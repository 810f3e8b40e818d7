import { accessSync, constants, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import { POLICIES } from '../../agent/core/policies.ts';
import { BOOT_BYTES_MIN } from '../../agent/model/spec.ts';
import { GUEST_KERNELS, servedByEither } from '../../agent/model/guest-kernel.ts';
import { type MechanismName, MECHANISMS } from '../../agent/model/mechanism.ts';
import { defaultLimitBytes, readHostMemory } from '../../agent/pressure/host-memory.ts';
import { EXIT_CODES } from '../../base/errors.ts';
import { agentError } from '../../agent/model/errors.ts';
import { runtimeDir } from '../../base/paths.ts';
import { CLI_LIMITS } from '../limits.ts';
import { formatBytes, MEMORY_BLOCK_BYTES } from '../../base/units.ts';
import { DRIVERS, type HypervisorOptions } from '../../hypervisor-client/drivers.ts';
import type { Command, CommandInput } from '../command.ts';
import { badValue } from '../errors.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { readVersion } from '../../base/version.ts';

const VMMS = ['auto', ...DRIVERS.names];
const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** The limit that was asked for, held against what the host really has; else the default. */
function hostLimitBytes(values: CommandInput['values']): number {
  const memory = readHostMemory();
  if (values.optional('host-limit') === undefined) return defaultLimitBytes(memory);
  const limit_bytes = values.bytes('host-limit');
  const { usable_bytes, total_bytes, cgroup_bytes } = memory;
  checkEnoughForOne(limit_bytes);
  if (limit_bytes <= usable_bytes || values.flag('overcommit')) return limit_bytes;
  const cgroup =
    cgroup_bytes === null ? '' : `, and its memory cgroup allows ${formatBytes(cgroup_bytes)}`;
  throw agentError(
    'HP_AGENT_HOST_LIMIT',
    `--host-limit is ${formatBytes(limit_bytes)}, but this host has ` +
      `${formatBytes(total_bytes)}${cgroup}.`,
    {
      next: `give at most ${formatBytes(usable_bytes)}, or --overcommit if VMs may be killed for it.`,
      details: { limit_bytes, total_bytes, cgroup_bytes },
    },
  );
}

/** Below this every Deploy would be refused: one VM with one region. Throws HP_AGENT_HOST_LIMIT. */
function checkEnoughForOne(limit_bytes: number): void {
  const least_bytes = BOOT_BYTES_MIN + MEMORY_BLOCK_BYTES + CLI_LIMITS.vmm_overhead_bytes;
  if (limit_bytes >= least_bytes) return;
  throw agentError(
    'HP_AGENT_HOST_LIMIT',
    `--host-limit is ${formatBytes(limit_bytes)}, but the smallest function takes ` +
      `${formatBytes(least_bytes)}: boot memory ${formatBytes(BOOT_BYTES_MIN)}, one region ` +
      `${formatBytes(MEMORY_BLOCK_BYTES)}, VMM ${formatBytes(CLI_LIMITS.vmm_overhead_bytes)}.`,
    {
      next: `give at least ${formatBytes(least_bytes)}, and more for functions that are larger.`,
      details: { limit_bytes, least_bytes },
    },
  );
}

/** What the VMMs are called where no option says it. */
type VmmEnvironment = Readonly<Partial<Record<'QEMU' | 'CLOUD_HYPERVISOR', string>>>;

/** How to start VMMs. Throws HP_AGENT_CGROUP when --cgroup cannot hold them. */
export function vmmOptions(
  values: CommandInput['values'],
  env: VmmEnvironment,
  onWarning: (text: string) => void,
): HypervisorOptions {
  const qemu = values.optional('qemu') ?? env.QEMU;
  const cloud_hypervisor = values.optional('cloud-hypervisor') ?? env.CLOUD_HYPERVISOR;
  const cgroup_dir = values.optional('cgroup');
  const cgroup_root = cgroup_dir === undefined ? null : resolve(cgroup_dir);
  if (cgroup_root !== null) checkCgroup(cgroup_root);
  const node = values.optional('host-node');
  const host_numa_node = node === undefined ? null : values.whole('host-node', 0, 1_023);
  return {
    qemu: { cgroup_root, onWarning, ...(qemu ? { program: qemu } : {}) },
    cloud_hypervisor: {
      cgroup_root,
      host_numa_node,
      onWarning,
      landlock: !values.flag('no-landlock'),
      ...(cloud_hypervisor ? { command: [cloud_hypervisor] } : {}),
    },
  };
}

/** Told before anything starts, and not once for every VM. */
function checkCgroup(dir: string): void {
  let trouble: string | null = null;
  try {
    const controllers = readFileSync(join(dir, 'cgroup.subtree_control'), 'utf8').split(/\s+/);
    if (!controllers.includes('memory')) trouble = 'its cgroup.subtree_control lacks memory';
    accessSync(dir, constants.W_OK);
    accessSync(join(dir, 'cgroup.procs'), constants.W_OK);
  } catch (error) {
    trouble = error instanceof Error ? error.message : String(error);
  }
  if (trouble === null) return;
  throw agentError('HP_AGENT_CGROUP', `--cgroup ${dir} cannot hold VMMs: ${trouble}.`);
}

function parseMechanisms(text: string): MechanismName[] {
  return text.split(',').map((part) => {
    const found = MECHANISMS.find(part.trim());
    if (found !== undefined) return found.name;
    throw badValue('mechanisms', text, `a list of ${MECHANISMS.names.join(', ')}`);
  });
}

async function run({ values, stdout, stderr, signal }: CommandInput): Promise<number> {
  const vmm = values.choice('vmm', VMMS);
  const host_limit_bytes = hostLimitBytes(values);
  const mechanisms = parseMechanisms(values.text('mechanisms'));
  const policy = values.choice('policy', POLICIES.names);
  const guest_kernel = values.choice('guest-kernel', GUEST_KERNELS);
  const level = values.choice('log-level', LEVELS);
  const images_dir = values.optional('images');
  const socket_path = resolve(values.text('socket'));
  const [{ pino }, { openDrivers, openNamed }, { runDaemon }, images, { createProgress }] =
    await Promise.all([
      import('pino'),
      import('../../hypervisor-client/index.ts'),
      import('../../agent/daemon.ts'),
      import('../../agent/executor/built-images.ts'),
      import('../../base/progress.ts'),
    ]);
  // Errors are logged as the plain data they are: code, message, next.
  const serializers = { err: (error: unknown) => error };
  const log = pino(
    { level, base: null, serializers },
    { write: (line: string) => void stderr.write(line) },
  );
  const vmms = vmmOptions(values, process.env, (text) =>
    log.warn({ err: { code: 'HP_AGENT_VMM_WARNING' } }, text),
  );
  await runDaemon({
    socket_path,
    state_dir: resolve(values.text('state-dir')),
    runtime_dir: runtimeDir(),
    host_limit_bytes,
    vmm_overhead_bytes: CLI_LIMITS.vmm_overhead_bytes,
    host_cpus: availableParallelism(),
    version: await readVersion(),
    policy: POLICIES.get(policy),
    log,
    openHypervisor: () => openNamed(vmm, vmms),
    drivers: await openDrivers(vmms),
    prepareImages: () => {
      const progress = createProgress({ stream: stderr });
      const place =
        images_dir === undefined
          ? { build: !values.flag('no-build') }
          : { images_dir: resolve(images_dir), build: false };
      const wanted = { mechanisms, guest_kernel, ...place };
      return images.prepareImages({ ...wanted, progress, signal, log });
    },
    onServing: () => {
      const line = { serving: { socket: socket_path, host_limit_bytes, pid: process.pid } };
      const limit = formatBytes(host_limit_bytes);
      const text = `serving on ${socket_path}, host limit ${limit}`;
      stdout.write(values.flag('json') ? `${JSON.stringify(line)}\n` : `${text}\n`);
    },
    signal,
  });
  return signal.reason === 'SIGINT' ? EXIT_CODES.interrupted : EXIT_CODES.ok;
}

export const agentCommand: Command = {
  name: 'agent',
  is_service: true,
  summary: 'run the host agent in the foreground',
  options: {
    socket: SOCKET_OPTION,
    'state-dir': {
      value: 'DIR',
      summary: 'sockets, consoles and handles of its VMs; one agent each',
      default: join(runtimeDir(), 'state'),
    },
    vmm: {
      value: 'NAME',
      summary: 'which VMM to use',
      choices: VMMS,
      default: 'auto',
    },
    'host-limit': {
      value: 'SIZE',
      summary:
        'most host memory all VMs may be granted together, VMMs included (default: what the ' +
        'host or its memory cgroup has, less a twentieth, at least 256MiB)',
    },
    qemu: { value: 'PATH', summary: 'the QEMU program (default: $QEMU, else qemu-system-x86_64)' },
    'cloud-hypervisor': {
      value: 'PATH',
      summary: 'the Cloud Hypervisor program (default: $CLOUD_HYPERVISOR, else cloud-hypervisor)',
    },
    cgroup: {
      value: 'DIR',
      summary: 'cgroup v2 folder in which every VMM gets a memory limit of its own',
    },
    'host-node': {
      value: 'N',
      summary: 'host NUMA node for all memory of VMs (Cloud Hypervisor)',
    },
    'no-landlock': { summary: 'do not confine the VMM to its files (Cloud Hypervisor)' },
    overcommit: { summary: 'let --host-limit be more than the host has' },
    'no-build': { summary: 'never build guest images: take what is in the cache' },
    mechanisms: {
      value: 'LIST',
      summary: 'make the guest images of these ready before serving',
      default: MECHANISMS.names.join(','),
    },
    images: {
      value: 'DIR',
      summary: "finished guest images ('hotplane images export'); nothing is built then",
    },
    'guest-kernel': {
      value: 'NAME',
      summary: `of ${servedByEither().join(', ')}: with the series, switched off, or untouched`,
      choices: GUEST_KERNELS,
      default: 'series',
    },
    policy: {
      value: 'NAME',
      summary: 'who decides on starts, stops and sizes',
      choices: POLICIES.names,
      default: DEFAULT_POLICY.name,
    },
    'log-level': { value: 'LEVEL', summary: 'of the log', choices: LEVELS, default: 'info' },
    json: { summary: 'print the line that it serves as JSON' },
  },
  help: `
Serves the API on a Unix socket (mode 0600) until SIGINT or SIGTERM. It then takes no new calls,
lets busy instances end for up to 10 s, shuts all its VMs down, removes the socket and exits: 0
after SIGTERM, 130 after SIGINT. A second SIGINT or SIGTERM ends it at once, with 128 and the
signal's number, and says which VMs it leaves. SIGHUP is ignored: neither a terminal that hangs up
nor a reader of its output that goes away ends it; log lines that nobody takes are dropped.

Socket and state folder must be yours or root's, and not writable by others; each has one agent,
held by a lock on a file in it (agent.json) or beside it (SOCKET.lock) that stays.

Guest images are taken from the cache, or built (minutes) before it serves; with --no-build those
that are not there are told at once, and with none at all it ends with exit code 3. One kernel,
the one with the series, serves all mechanisms unless --guest-kernel untouched is given; a Deploy
says which release runs ('hotplane-hotmem-rN' or 'hotplane-stock' in its name). If the agent is
killed, its VMs live on; the next agent with the same --state-dir ends them and says so.

The log goes to stderr, one JSON object a line, with the keys vm, function, op and err.code. When it
serves, one line is printed to stdout.

  hotplane agent --vmm qemu --host-limit 8GiB --state-dir /var/lib/hotplane
`,
  run,
};

import { flushCompileCache } from 'node:module';
import { availableParallelism, hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Logger } from 'pino';
import { contained } from '../../autoscaler/policy/contained.ts';
import { hostClock } from '../../base/clock.ts';
import { CLI_LIMITS } from '../limits.ts';
import { type HttpAddress, parseHttpAddress } from '../../agent/http/address.ts';
import type { Policy } from '../../agent/core/policy.ts';
import { AGENT_LIMITS } from '../../agent/limits.ts';
import type { LedgerSettings } from '../../agent/daemon.ts';
import { type CoreConfig, FULL_MODES } from '../../agent/model/config.ts';
import { BOOT_BYTES_MIN } from '../../agent/model/spec.ts';
import { GUEST_KERNELS } from '../../agent/model/guest-kernel.ts';
import { parseBridges } from '../../agent/model/network.ts';
import { type MechanismName, MECHANISMS } from '../../agent/model/mechanism.ts';
import {
  defaultLimitBytes,
  type HostMemory,
  readHostMemory,
  usualKeepBytes,
} from '../../agent/pressure/host-memory.ts';
import { goAhead } from '../../agent/pressure/cpu-ahead.ts';
import { whyNoYield } from '../../agent/pressure/cpu-yield.ts';
import { EXIT_CODES } from '../../base/errors.ts';
import { agentError } from '../../agent/model/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { cacheDir, runtimeDir } from '../../base/paths.ts';
import { ourName } from '../../base/users.ts';
import { formatBytes, MEMORY_BLOCK_BYTES } from '../../base/units.ts';
import type { HypervisorOptions } from '../../hypervisor-client/drivers.ts';
import { closedFolders, type UidRange } from '../../hypervisor-client/lifecycle/vmm-users.ts';
import { LOG_LEVELS, VMM_CHOICES } from '../agent-config/keys.ts';
import { type Cgroup, cgroupOf } from '../agent-config/cgroup.ts';
import { configOptions, readAgentConfig } from '../agent-config/options.ts';
import { namesOf } from '../agent-config/kinds.ts';
import { peersOf } from '../agent-config/peers.ts';
import { POLICIES } from '../agent-config/policies.ts';
import { queueOf } from '../agent-config/queue.ts';
import { readyKeysOf } from '../agent-config/ready-keys.ts';
import { valuesOf } from '../agent-config/resolve.ts';
import { vmmOptions } from '../agent-config/vmms.ts';
import type { Command, CommandInput } from '../command.ts';
import { ServiceManager } from '../service-manager.ts';
import { badPolicyFile } from '../errors.ts';
import { loadPolicy, watchPolicy } from '../policy-file.ts';
import type { Values } from '../values.ts';
import { nodeLimitsOf } from '../host-node-options.ts';
import { readVersion } from '../../base/version.ts';

const US_PER_MS = 1_000;

/** The limit that was asked for, held against what the host really has; else the default. */
function hostLimitBytes(values: Values, memory: HostMemory): number {
  if (values.optional('host-limit') === undefined) return defaultLimitBytes(memory);
  const limit_bytes = values.bytes('host-limit');
  const { usable_bytes, total_bytes, cgroup_bytes } = memory;
  checkEnoughForOne(limit_bytes, values.bytes('vmm-overhead'));
  if (limit_bytes <= usable_bytes || values.flag('overcommit')) return limit_bytes;
  const cgroup =
    cgroup_bytes === null ? '' : `, and the memory cgroup allows ${formatBytes(cgroup_bytes)}`;
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

/** What the host keeps for others; null: nobody looks. */
function hostKeepBytes(values: Values, { usable_bytes }: HostMemory): number | null {
  if (values.optional('host-keep') !== undefined) return values.bytes('host-keep');
  return values.flag('overcommit') ? null : usualKeepBytes(usable_bytes);
}

/** Below this every Deploy would be refused: one VM with one region. Throws HP_AGENT_HOST_LIMIT. */
function checkEnoughForOne(limit_bytes: number, overhead_bytes: number): void {
  const least_bytes = BOOT_BYTES_MIN + MEMORY_BLOCK_BYTES + overhead_bytes;
  if (limit_bytes >= least_bytes) return;
  throw agentError(
    'HP_AGENT_HOST_LIMIT',
    `--host-limit is ${formatBytes(limit_bytes)}, but the smallest function takes ` +
      `${formatBytes(least_bytes)}: boot memory ${formatBytes(BOOT_BYTES_MIN)}, one region ` +
      `${formatBytes(MEMORY_BLOCK_BYTES)}, VMM ${formatBytes(overhead_bytes)}.`,
    {
      next: `give at least ${formatBytes(least_bytes)}, and more for functions that are larger.`,
      details: { limit_bytes, least_bytes },
    },
  );
}

/** Whom guests become that break out of their VMMs. */
async function tellUsers(
  log: Logger,
  uids: UidRange | null,
  places: readonly string[],
): Promise<void> {
  if (!uids) return log.info({ user: ourName() }, "all VMMs run as the agent's user");
  const { first, count } = uids;
  log.info({ first, count }, 'each VMM runs as a user of its own');
  const closed = await Promise.all(places.map(async (path) => await closedFolders(path)));
  for (const path of new Set(closed.flat())) {
    log.warn({ path }, 'users of VMMs cannot pass this folder by its mode: chmod o+x');
  }
}

function parseMechanisms(text: string): MechanismName[] {
  return text.split(',').map((part) => MECHANISMS.get(part.trim()).name);
}

/** Bounds of the core's decisions that are of this host. */
function boundsOf(
  values: Values,
  host_limit_bytes: number,
  memory: HostMemory,
  yields: boolean,
): Partial<CoreConfig> {
  return {
    node_limits: nodeLimitsOf(values, host_limit_bytes),
    vms_max: values.whole('vms-max', 1, LIMITS.vms_per_host),
    queue_length_max: values.whole(
      'queue-length-max',
      0,
      AGENT_LIMITS.invocations_queued_per_function,
    ),
    queued_ms: values.whole('queued-ms', 1, AGENT_LIMITS.invocation_queued_ms),
    host_keep_bytes: hostKeepBytes(values, memory),
    memory_wait_ms: values.whole('memory-wait-ms', 0, AGENT_LIMITS.invocation_queued_ms),
    prepare: values.flag('prepare'),
    bridges: parseBridges(values.optional('bridges') ?? '') ?? [],
    queue: queueOf(values, yields),
  };
}

/** Logs a text under this code. */
function warning(log: Logger, code: string): (text: string) => void {
  return (text) => log.warn({ err: { code } }, text);
}

/** Where health and metrics are told over HTTP, if anywhere. */
function httpOf(values: Values): { readonly http?: HttpAddress } {
  const http = parseHttpAddress(values.text('http-listen'));
  return http ? { http } : {};
}

/** Where all that moves memory is recorded, if anywhere. */
function ledgerOf(values: Values): { readonly ledger?: LedgerSettings } {
  if (!values.flag('ledger')) return {};
  const folder = values.optional('ledger-dir');
  const heads_path = values.optional('ledger-heads');
  return {
    ledger: {
      ...(folder === undefined ? {} : { folder: resolve(folder) }),
      ...(heads_path === undefined ? {} : { heads_path: resolve(heads_path) }),
      host: hostname(),
      when_full: values.choice('ledger-full', FULL_MODES),
      kept_bytes: values.bytes('ledger-kept'),
    },
  };
}

/** What is told of it while it runs, and what is kept. */
const shownBy = (values: Values): ReturnType<typeof httpOf> & ReturnType<typeof ledgerOf> => ({
  ...httpOf(values),
  ...ledgerOf(values),
});

/** Who started the agent, where it wants to be told; it hears of the end from here on. */
function serviceManager(signal: AbortSignal, log: Logger): ServiceManager | null {
  const manager = ServiceManager.from({
    env: process.env,
    pid: process.pid,
    clock: hostClock,
    onTrouble: warning(log, 'HP_AGENT_NOTIFY'),
  });
  signal.addEventListener('abort', () => manager?.stopping(), { once: true });
  return manager;
}

/** A policy that can do no harm: once it failed, the default answers and the log says so. */
function held(policy: Policy, log: Logger, mended?: () => Policy | null): Policy {
  return contained(policy, {
    ...(mended && { mended }),
    clock: () => hostClock.nowMs(),
    worked: threadCpuMs,
    slow_ms: CLI_LIMITS.policy_answer_ms,
    tell: (question, problem) => {
      const failed = `policy '${policy.name}' failed at '${question}': it ${problem}`;
      const err = { code: 'HP_AGENT_POLICY_FAILED' };
      log.error({ err }, `${failed}; default answers now`);
    },
  });
}

/** Who answers, and those a function's targets can name: an operator's own file goes before. */
async function policiesOf(
  values: Values,
  log: Logger,
  signal: AbortSignal,
): Promise<{ readonly policy: Policy; readonly policies: ReadonlyMap<string, Policy> }> {
  const file = values.optional('policy-file');
  const named = POLICIES.get(values.choice('policy', POLICIES.names));
  const own = file === undefined ? null : await loadPolicy(file);
  if (own && POLICIES.names.includes(own.name)) {
    throw badPolicyFile(file ?? '', `there is a policy '${own.name}' already`);
  }
  const policies = new Map(POLICIES.all.map((one) => [one.name, held(one, log)]));
  if (!own || file === undefined) return { policy: held(named, log), policies };
  const wrong = (err: unknown): void => log.error({ err }, 'the changed policy cannot be used');
  const policy = held(own, log, watchPolicy(file, wrong, signal));
  return { policy, policies: policies.set(own.name, policy) };
}

async function run(input: CommandInput): Promise<number> {
  const { stdout, stderr, signal } = input;
  const values = valuesOf(await readAgentConfig(input, process.env));
  const vmm = values.choice('vmm', VMM_CHOICES);
  const { group, memory, host_limit_bytes } = hostOf(values);
  const mechanisms = parseMechanisms(values.text('mechanisms'));
  const guest_kernel = values.choice('guest-kernel', GUEST_KERNELS);
  const level = values.choice('log-level', LOG_LEVELS);
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
  const policies = await policiesOf(values, log, signal);
  const manager = serviceManager(signal, log);
  const vmms = fencedVmms(values, group, log);
  const uids = vmms.qemu?.uids ?? null;
  const state_dir = resolve(values.text('state-dir'));
  // The state folder itself is opened to them.
  await tellUsers(log, uids, [dirname(state_dir), resolve(images_dir ?? cacheDir())]);
  await runDaemon({
    vmms_have_users: uids !== null,
    socket_path,
    state_dir,
    runtime_dir: runtimeDir(),
    host_limit_bytes,
    cgroup_root: group.root,
    vmm_overhead_bytes: values.bytes('vmm-overhead'),
    host_cpus: availableParallelism(),
    bounds: boundsOf(values, host_limit_bytes, memory, yieldsOn(values, group, log)),
    dns: namesOf(values.optional('dns') ?? '').filter(Boolean),
    ...peersOf(values),
    ...shownBy(values),
    version: await readVersion(),
    ...policies,
    log,
    openHypervisor: () => openNamed(vmm, vmms),
    drivers: await openDrivers(vmms),
    prepareImages: () => {
      const progress = createProgress({ stream: stderr });
      const place =
        images_dir === undefined
          ? { build: values.flag('build') }
          : { images_dir: resolve(images_dir), build: false };
      const wanted = { mechanisms, guest_kernel, ...place };
      return images.prepareImages({ ...wanted, progress, signal, log });
    },
    onServing: () => {
      const { text, json } = servingLines(socket_path, host_limit_bytes);
      manager?.ready(text);
      stdout.write(input.values.flag('json') ? json : `${text}\n`);
      // Not before: an image that is built has the same claim to the CPUs as all else.
      runAhead(values, log);
      // Now, for an agent that is killed does nothing at its end.
      setImmediate(flushCompileCache);
    },
    signal,
    keep_vms: values.flag('keep-vms'),
    ...readyKeysOf(values),
  });
  return signal.reason === 'SIGINT' ? EXIT_CODES.interrupted : EXIT_CODES.ok;
}

/** CPU time of this thread, user and system. */
function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / US_PER_MS;
}

/** What we, and VMMs in their group, can have of this host. */
function hostOf(values: Values) {
  const group = cgroupOf(values);
  const memory = readHostMemory({ proc: '/proc', vms: group.root });
  return { group, memory, host_limit_bytes: hostLimitBytes(values, memory) };
}

/** Whether VMMs yield the CPU while they only give memory back: where the host has a way. */
function yieldsOn(values: Values, { root }: Cgroup, log: Logger): boolean {
  if (!values.flag('reclaim-yields')) return false;
  const why = whyNoYield(root);
  if (why !== null) log.info({ why }, 'VMMs that give memory back do not yield the CPU');
  return why === null;
}

/** That it serves, for people and for programs. */
function servingLines(socket: string, host_limit_bytes: number) {
  const line = { serving: { socket, host_limit_bytes, pid: process.pid } };
  const text = `serving on ${socket}, host limit ${formatBytes(host_limit_bytes)}`;
  return { text, json: `${JSON.stringify(line)}\n` };
}

/** By its session; a service manager that groups by CPU has weights of its own. */
function runAhead(values: Values, log: Logger): void {
  if (!values.flag('agent-ahead')) return;
  const why = goAhead();
  if (why !== null) log.info({ why }, 'the agent does not run ahead of its VMs');
}

/** How to start VMMs, in their group if there is one, which is told. */
function fencedVmms(values: Values, { root, why }: Cgroup, log: Logger): HypervisorOptions {
  if (root !== null) log.info({ cgroup: root }, 'each VM has a memory limit of its own');
  const tell = warning(log, 'HP_AGENT_CGROUP');
  if (why !== null) tell(`VMs have no memory limits of their own: ${why}`);
  return vmmOptions(values, root, warning(log, 'HP_AGENT_VMM_WARNING'));
}

export const agentCommand: Command = {
  name: 'agent',
  is_service: true,
  summary: 'run the host agent in the foreground',
  options: {
    ...configOptions(),
    json: { summary: 'print the line that it serves as JSON' },
  },
  help: `
Serves the API on a Unix socket (of its own user alone, unless --socket-mode 0660 lets a group in)
until SIGINT or SIGTERM. It then takes no new calls,
lets busy instances end for up to 10 s, shuts all its VMs down, removes the socket and exits: 0
after SIGTERM, 130 after SIGINT. A second SIGINT or SIGTERM ends it at once, with 128 and the
signal's number, and says which VMs it leaves. SIGHUP is ignored: neither a terminal that hangs up
nor a reader of its output that goes away ends it; log lines that nobody takes are dropped.

Socket and state folder must be yours or root's, and not writable by others; each has one agent,
held by a lock on a file in it (agent.json) or beside it (SOCKET.lock) that stays.

Every option but --json is a key of its configuration too, in a file and in the environment, which
options go before: 'hotplane config show' tells what holds and where each value comes from.

With --tls-listen it serves the API on a network, to those alone who have a certificate of
--tls-authority: names in --tls-read may look, names in --tls-write may do all; anybody else gets
HP_AGENT_NOT_ALLOWED. Its files are read again every 10 s: a renewed certificate takes no restart.
A socket for looking only is --read-socket, with --read-group for a group.

Of those who may connect to a socket the kernel tells the user, who is written down as the author of
what he changes. --socket-write and --socket-read list users and %groups that may do all, or look
only; the agent's own user and root may do all, and where either is given anybody else may nothing.

With --cgroup auto each VMM has a memory limit, where the agent was given a group of cgroup v2: its
packaged unit has one, and so has 'systemd-run --user --scope -p Delegate=yes'.

As root, with --vmm-uids, the VMM of each VM runs as a user of its own out of that range; images and
the folders above them must be open to those users.

Guest images are taken from the cache, or built (minutes) before it serves; with --no-build those
that are not there are told at once, and with none at all it ends with exit code 3. One kernel,
the one with the series, serves all mechanisms unless --guest-kernel untouched is given; a Deploy
says which release runs ('hotplane-hotmem-rN' or 'hotplane-stock' in its name). 

What the agent knows is in its state folder (state.db). If it is killed, its VMs live on, and so
does what runs in them: the next agent with the same --state-dir goes on with functions, VMs and
instances. With --keep-vms SIGTERM ends the agent in that way too, which is how it is replaced by
another version; SIGINT always ends the VMs. VMs that the state does not know are ended.

With --ledger whatever moves memory is recorded before it is done, in a chain in which a change
shows: see 'hotplane ledger verify'. It costs the agent CPU, most where memory moves. When the disk
of the ledger is full nothing more is granted (HP_AGENT_LEDGER_FULL) until there is room; with
--ledger-full go-on it goes unrecorded, and the ledger tells how much.

Under systemd (Type=notify) it says when it serves and when it stops, and gives signs of life where
WatchdogSec asks for them; 'systemd-notify' speaks for it, so the unit needs NotifyAccess=all.

The log goes to stderr, one JSON object a line, with the keys vm, function, op and err.code. When it
serves, one line is printed to stdout.

  hotplane agent --vmm qemu --host-limit 8GiB --state-dir /var/lib/hotplane
`,
  run,
};

/** QEMU as a hypervisor: start, adoption, and what it can do. */
import { rm, writeFile } from 'node:fs/promises';
import { type Clock, hostClock } from '../../base/clock.ts';
import { DEFAULT_ARCH, type GuestArch } from '../../base/guest-arch.ts';
import { jsonDocument } from '../../base/json.ts';
import { LIMITS } from '../../base/limits.ts';
import { waitFor } from '../../base/wait.ts';
import { chooseAccelerator, probeAccelerator } from '../host/accelerator.ts';
import { hasCode, vmmError } from '../errors.ts';
import { type HostProcess, isVmmIn, runsProgram } from '../host/host-process.ts';
import type { MemoryCgroup } from '../host/memory-cgroup.ts';
import { FencedRegions, MemoryFence } from '../lifecycle/memory-fence.ts';
import { type DetachedProcess, isAlive, spawnDetached, waitForEnd } from '../../base/process.ts';
import { type HugePageReader, readHugePages } from '../host/huge-pages.ts';
import { type HostNodeReader, readHostNodes } from '../host/host-nodes.ts';
import { asksForNodes, checkHostNodes } from '../resize/region-nodes.ts';
import { checkBacking } from '../resize/huge-memory.ts';
import { endVmm } from '../lifecycle/end-vmm.ts';
import { cleanRunDir } from '../lifecycle/run-dir.ts';
import { startFailed, VmStarts } from '../lifecycle/start.ts';
import { commandAs, type UidRange, type VmmUser } from '../lifecycle/vmm-users.ts';
import { checkImage, checkVmSocketPath, checkSpec } from '../spec.ts';
import { codeOf } from '../../base/system-error.ts';
import type {
  Accelerator,
  Capabilities,
  Hypervisor,
  LaunchOptions,
  Vm,
  VmHandle,
  VmSpec,
} from '../vm.ts';
import { type AccessPlugin, checkAccessVersion, COUNTED_SLOWNESS } from './accesses.ts';
import { readAccessRanges } from './accesses.ts';
import { qemuArguments } from './arguments.ts';
import { qemuMissing, qemuVersion } from './binary.ts';
import { DEVICES_MAX, qemuFiles } from './layout.ts';
import { QEMU_MACHINES } from './machines.ts';
import { QmpClient } from './qmp.ts';
import { qemuSlackBytes } from './slack.ts';
import { readAccelerator, readBackings } from './regions.ts';
import { QemuVm } from './vm.ts';

export interface QemuOptions {
  /** Of the guests; another than x86-64 is emulated. Default: x86-64. */
  readonly arch?: GuestArch;
  /** Program name or path; default `qemu-system-x86_64`, or what another `arch` needs. */
  readonly program?: string;
  /** A delegated cgroup v2 folder with the memory controller; default: no limit. */
  readonly cgroup_root?: string | null;
  /** A user for each VM's QEMU, which takes root; default: it runs as whoever starts it. */
  readonly uids?: UidRange | null;
  /** Told what works less well than asked for; default `process.emitWarning`. */
  readonly onWarning?: (text: string) => void;
  readonly clock?: Clock;
  /** How the host's pool of huge pages is read; default: /sys. */
  readonly readHugePages?: HugePageReader;
  /** Host NUMA node for all memory of a VM that has none of its own; default: wherever. */
  readonly host_node?: number | null;
  /** How the host's nodes are read; default: /sys. */
  readonly readHostNodes?: HostNodeReader;
  /** A plugin that counts accesses of guests that are emulated (accesses.ts). Default: none. */
  readonly accesses?: AccessPlugin | null;
}

/** What distributions call it. */
const QEMU_NAMES = /^qemu(-kvm|-system-[\w-]+)$/;

interface StartedQemu {
  readonly started: DetachedProcess;
  readonly user: VmmUser | null;
  readonly accelerator: Accelerator;
}

interface FenceFacts {
  /** Just launched: no region had anything yet but what it began with. */
  readonly is_new: boolean;
  readonly accelerator: Accelerator;
}

export class QemuDriver implements Hypervisor {
  readonly kind = 'qemu';
  readonly #arch: GuestArch;
  readonly #program: string;
  readonly #clock: Clock;
  readonly #starts: VmStarts;
  readonly #readHugePages: HugePageReader;
  readonly #host_node: number | null;
  readonly #readHostNodes: HostNodeReader;
  readonly #accesses: AccessPlugin | null;
  #version: string | null = null;

  constructor(options: QemuOptions = {}) {
    this.#arch = options.arch ?? DEFAULT_ARCH;
    this.#program = options.program ?? QEMU_MACHINES[this.#arch].program;
    this.#clock = options.clock ?? hostClock;
    this.#readHugePages = options.readHugePages ?? readHugePages;
    this.#host_node = options.host_node ?? null;
    this.#readHostNodes = options.readHostNodes ?? readHostNodes;
    this.#accesses = options.accesses ?? null;
    const { cgroup_root = null, uids = null, onWarning } = options;
    this.#starts = new VmStarts({ vmm: this.kind, cgroup_root, uids, onWarning });
  }

  async probe(): Promise<Capabilities> {
    const version = await qemuVersion(this.#program);
    const { accelerator } = await probeAccelerator();
    const counted = this.#accesses
      ? ({ accelerator: 'tcg', slowness: COUNTED_SLOWNESS } as const)
      : {};
    return {
      vmm: 'qemu',
      version,
      accelerator,
      devices_per_vm: DEVICES_MAX,
      regions_per_vm: LIMITS.regions_per_vm,
      plugged_per_device: true,
      ...counted,
    };
  }

  async launch(spec: VmSpec, options: LaunchOptions = {}): Promise<Vm> {
    checkSpec(spec);
    const arch = this.#arch;
    const accelerator = await this.#acceleratorOf(spec);
    const version = accelerator === 'tcg' ? await this.#versionOnce() : '';
    const host_node = this.#host_node;
    const accesses = accelerator === 'tcg' ? this.#accesses : null;
    if (accesses) checkAccessVersion(version);
    const argv = qemuArguments(spec, { accelerator, version, arch, host_node, accesses });
    const files = qemuFiles(spec.run_dir);
    checkVmSocketPath(files.qmp_path);
    checkVmSocketPath(files.channel_path);
    await checkImage(spec);
    checkBacking(spec, this.#readHugePages);
    checkHostNodes(spec, host_node, this.#readHostNodes);
    const places = {
      sockets: [files.qmp_path, files.channel_path],
      files: [files.console_path, ...(accesses ? [files.counts_path] : [])],
      makeTap: options.makeTap,
    };
    return await this.#starts.in(spec, places, async (user) => {
      const started = await this.#spawn(spec, argv, user);
      return await this.#connect(spec, { started, user, accelerator }, options.signal);
    });
  }

  runs(process: HostProcess): boolean {
    return runsProgram(process, [this.#program], QEMU_NAMES);
  }

  async adopt(handle: VmHandle): Promise<Vm> {
    const { spec, pid, pid_start_ticks } = handle;
    if (handle.vmm !== 'qemu') {
      throw vmmError('HP_VMM_BAD_SPEC', `VM ${spec.id} runs under ${handle.vmm}, not QEMU.`);
    }
    const gone = `VM ${spec.id} (pid ${pid}) is not there any more.`;
    const identity = { pid, start_ticks: pid_start_ticks };
    if (!(await isVmmIn(handle, spec.run_dir, this))) throw vmmError('HP_VMM_GONE', gone);
    try {
      const qmp = await QmpClient.connect(qemuFiles(spec.run_dir).qmp_path);
      return await this.#hold(handle, qmp, null, this.#starts.cgroupOf(handle));
    } catch (error) {
      // One that ends closes its connections before its process is gone.
      if (!(await waitForEnd(identity, this.#clock, graceMs(error)))) throw error;
      throw vmmError('HP_VMM_GONE', gone, { cause: error });
    }
  }

  /** What counts accesses counts those of an emulated machine, whatever there is beside it. */
  async #acceleratorOf({ accelerator }: VmSpec): Promise<Accelerator> {
    const is_emulated = this.#arch !== DEFAULT_ARCH || (this.#accesses && accelerator === 'auto');
    return is_emulated ? 'tcg' : await chooseAccelerator(accelerator);
  }

  /** The version; empty when QEMU does not tell it: its start says better what is wrong. */
  async #versionOnce(): Promise<string> {
    this.#version ??= await qemuVersion(this.#program).catch(() => null);
    return this.#version ?? '';
  }

  async #spawn(
    spec: VmSpec,
    argv: readonly string[],
    user: VmmUser | null,
  ): Promise<DetachedProcess> {
    const { stdout_path, stderr_path, console_path } = qemuFiles(spec.run_dir);
    // QEMU appends to it, so that it can be cut while it runs: an earlier one would stay.
    if (!user) await rm(console_path, { force: true });
    try {
      const command = commandAs(user, { file: this.#program, arguments: argv });
      return await spawnDetached({ ...command, stdout_path, stderr_path });
    } catch (error) {
      if (codeOf(error) === null) throw error;
      throw qemuMissing(this.#program, error);
    }
  }

  /** Waits for QMP; whatever goes wrong, no QEMU is left behind. */
  async #connect(
    spec: VmSpec,
    { started, user, accelerator }: StartedQemu,
    signal: AbortSignal | undefined,
  ): Promise<Vm> {
    let cgroup: MemoryCgroup | null = null;
    try {
      const handle = await this.#starts.record(spec, started, user);
      const guest = spec.boot_bytes + new FencedRegions(spec, true).bytes;
      const slack = qemuSlackBytes(spec, accelerator);
      cgroup = await this.#starts.confine(spec, started.pid, { guest, slack });
      const qmp = await this.#waitForQmp(spec, started, signal);
      return await this.#hold(handle, qmp, started, cgroup);
    } catch (error) {
      const files = qemuFiles(spec.run_dir);
      const ended = await waitForEnd(started, this.#clock, graceMs(error));
      await endVmm(started, this.#clock, LIMITS.vm_shutdown_ms);
      await cgroup?.remove();
      await cleanRunDir(spec.run_dir, [files.qmp_path, files.channel_path]);
      throw ended && hasCode(error, 'HP_QMP_CLOSED') ? await qemuEnded(spec, started) : error;
    }
  }

  async #waitForQmp(
    spec: VmSpec,
    started: DetachedProcess,
    signal: AbortSignal | undefined,
  ): Promise<QmpClient> {
    const { qmp_path } = qemuFiles(spec.run_dir);
    const deadline_ms = LIMITS.vmm_start_ms;
    try {
      const probe = () => this.#tryQmp(spec, started, qmp_path);
      const pace = { clock: this.#clock, deadline_ms, ...(signal ? { signal } : {}) };
      const qmp = await waitFor(probe, pace);
      if (qmp) return qmp;
    } catch (error) {
      if (!signal?.aborted) throw error;
      throw vmmError('HP_VMM_ABORTED', `The start of VM ${spec.id} was aborted.`, { cause: error });
    }
    throw await qemuFailed(spec, `QEMU did not answer within ${deadline_ms} ms`);
  }

  /** Null while QEMU is not listening yet; throws when it ended. */
  async #tryQmp(spec: VmSpec, started: DetachedProcess, path: string): Promise<QmpClient | null> {
    try {
      return await QmpClient.connect(path, { deadline_ms: LIMITS.vmm_start_ms });
    } catch (error) {
      if (!hasCode(error, 'HP_QMP_CONNECT')) throw error;
      if (await isAlive(started)) return null;
      throw await qemuEnded(spec, started);
    }
  }

  /** What keeps the limit around its process right. */
  #fence(cgroup: MemoryCgroup, spec: VmSpec, by: FenceFacts): MemoryFence {
    return new MemoryFence({
      cgroup,
      regions: new FencedRegions(spec, by.is_new),
      boot_bytes: spec.boot_bytes,
      slack_bytes: qemuSlackBytes(spec, by.accelerator),
      onTrouble: (text) =>
        this.#starts.warn(`the memory limit of VM ${spec.id} does not follow: ${text}`),
    });
  }

  async #hold(
    handle: VmHandle,
    qmp: QmpClient,
    started: DetachedProcess | null,
    cgroup: MemoryCgroup | null,
  ): Promise<Vm> {
    try {
      const accelerator = await readAccelerator(qmp);
      const by = { is_new: started !== null, accelerator };
      const fence = cgroup && this.#fence(cgroup, handle.spec, by);
      const backings = await readBackings(qmp, handle.spec);
      if (started && this.#accesses && accelerator === 'tcg') await keepRanges(qmp, handle.spec);
      const exited = started ? () => started.exited() : null;
      const clock = this.#clock;
      const parts = { fence, handle, accelerator, qmp, backings, exited, clock };
      const looks_at_nodes = asksForNodes(handle.spec, this.#host_node, this.#readHostNodes);
      return new QemuVm({ ...parts, looks_at_nodes, readHugePages: this.#readHugePages });
    } catch (error) {
      qmp.close();
      throw error;
    }
  }
}

/** How long the end of a QEMU is waited for after a call of it failed. */
function graceMs(error: unknown): number {
  const closed = hasCode(error, 'HP_QMP_CLOSED') || hasCode(error, 'HP_QMP_CONNECT');
  return closed ? LIMITS.vm_shutdown_ms : 0;
}

async function qemuEnded(spec: VmSpec, started: DetachedProcess): Promise<Error> {
  const { code, signal } = await started.exited();
  return await qemuFailed(spec, `QEMU ended with ${signal ?? `code ${code}`}`);
}

async function qemuFailed(spec: VmSpec, what: string): Promise<Error> {
  const { stderr_path } = qemuFiles(spec.run_dir);
  return await startFailed(spec, what, { stderr_path, quotes: true });
}

/** For whoever reads the counts, beside their file. */
async function keepRanges(qmp: QmpClient, spec: VmSpec): Promise<void> {
  const { ranges_path } = qemuFiles(spec.run_dir);
  await writeFile(ranges_path, jsonDocument(await readAccessRanges(qmp, spec)), { mode: 0o600 });
}

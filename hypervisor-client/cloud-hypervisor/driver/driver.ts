/** Cloud Hypervisor as a hypervisor: start, adoption, and what it can do. */
import { type Clock, hostClock } from '../../../base/clock.ts';
import { messageOf, isHotplaneError } from '../../../base/errors.ts';
import { LIMITS } from '../../../base/limits.ts';
import { CH_LIMITS } from '../limits.ts';
import { chSlackBytes } from '../slack.ts';
import { waitFor } from '../../../base/wait.ts';
import { type AcceleratorProbe, probeAccelerator } from '../../host/accelerator.ts';
import { vmmError } from '../../errors.ts';
import { type HostProcess, isVmmIn, runsProgram } from '../../host/host-process.ts';
import { type DetachedProcess, isAlive, spawnDetached, waitForEnd } from '../../../base/process.ts';
import { type HugePageReader, readHugePages } from '../../host/huge-pages.ts';
import type { HostNodeReader } from '../../host/host-nodes.ts';
import { asksForNodes, checkHostNodes } from '../../resize/region-nodes.ts';
import { checkBacking } from '../../resize/huge-memory.ts';
import { endVmm } from '../../lifecycle/end-vmm.ts';
import type { MemoryCgroup } from '../../host/memory-cgroup.ts';
import { cleanRunDir } from '../../lifecycle/run-dir.ts';
import { startFailed, VmStarts } from '../../lifecycle/start.ts';
import { commandAs, type UidRange, type VmmUser } from '../../lifecycle/vmm-users.ts';
import { checkImage, checkVmSocketPath, checkSpec, deviceInitialBytes } from '../../spec.ts';
import { codeOf } from '../../../base/system-error.ts';
import type { Capabilities, Hypervisor, LaunchOptions, Vm, VmHandle, VmSpec } from '../../vm.ts';
import { CloudHypervisor } from '../client.ts';
import { chError, isChError } from '../errors.ts';
import type { VmConfig } from '../types/index.ts';
import { requireVersion } from '../version.ts';
import { learnBackings, recallBackings } from './backings.ts';
import { type ChCommand, chMissing, programVersion } from './binary.ts';
import { serverArguments, vmConfig } from './config.ts';
import { chFiles, socketsOf, zonesBootBytes } from './layout.ts';
import { pciAddressesOf } from './observation.ts';
import { CloudHypervisorVm } from './vm.ts';

export interface CloudHypervisorDriverOptions {
  /** Program, with leading arguments where it needs any; default `cloud-hypervisor`. */
  readonly command?: ChCommand;
  readonly clock?: Clock;
  /** Confine the server to its files. Default true; a host without Landlock is warned about. */
  readonly landlock?: boolean;
  /** Host NUMA node for all memory of a VM that has none of its own; default: wherever. */
  readonly host_numa_node?: number | null;
  /** How the host's nodes are read; default: /sys. */
  readonly readHostNodes?: HostNodeReader;
  /** A delegated cgroup v2 folder with the memory controller; default: no limit, no warning. */
  readonly cgroup_root?: string | null;
  /** A user for each VM's server, which takes root; default: it runs as whoever starts it. */
  readonly uids?: UidRange | null;
  /** Where the proc file system is. Default `/proc`. */
  readonly proc_root?: string;
  /** How the host's pool of huge pages is read; default: /sys. */
  readonly readHugePages?: HugePageReader;
  /** Told what works less well than asked for; default `process.emitWarning`. */
  readonly onWarning?: (text: string) => void;
  /** How the accelerator is found; tests with a fake have their own. */
  readonly probeAccelerator?: () => Promise<AcceleratorProbe>;
}

/** Releases are files named so, with or without `-static`. */
const CH_NAMES = /^cloud-hypervisor(-static)?$/;

export class CloudHypervisorDriver implements Hypervisor {
  readonly kind = 'cloud-hypervisor';
  readonly #command: ChCommand;
  readonly #clock: Clock;
  readonly #options: CloudHypervisorDriverOptions;
  readonly #starts: VmStarts;
  readonly #readHugePages: HugePageReader;

  constructor(options: CloudHypervisorDriverOptions = {}) {
    this.#command = options.command ?? ['cloud-hypervisor'];
    this.#clock = options.clock ?? hostClock;
    this.#options = options;
    this.#readHugePages = options.readHugePages ?? readHugePages;
    const { cgroup_root = null, uids = null, onWarning } = options;
    const why_own_nics = 'Cloud Hypervisor sets it up, which takes CAP_NET_ADMIN';
    this.#starts = new VmStarts({ vmm: this.kind, cgroup_root, uids, why_own_nics, onWarning });
  }

  async probe(): Promise<Capabilities> {
    const { text } = await programVersion(this.#command);
    await this.#requireKvm('auto');
    return {
      vmm: 'cloud-hypervisor',
      version: text.replace(/^cloud-hypervisor /, ''),
      accelerator: 'kvm',
      devices_per_vm: CH_LIMITS.zones_per_vm,
      regions_per_vm: LIMITS.regions_per_vm,
      plugged_per_device: false,
    };
  }

  async launch(spec: VmSpec, options: LaunchOptions = {}): Promise<Vm> {
    checkSpec(spec);
    const { host_numa_node = null, landlock = true } = this.#options;
    const config = vmConfig(spec, { landlock, host_numa_node });
    const sockets = socketsOf(spec.run_dir);
    for (const path of sockets) checkVmSocketPath(path);
    await this.#requireKvm(spec.accelerator);
    await checkImage(spec);
    checkBacking(spec, this.#readHugePages, zonesBootBytes(spec));
    checkHostNodes(spec, host_numa_node, this.#options.readHostNodes);
    const { console_path, events_path, log_path } = chFiles(spec.run_dir);
    const { makeTap } = options;
    const places = { sockets, files: [console_path, events_path, log_path], makeTap };
    return await this.#starts.in(spec, places, async (user) => {
      const started = await this.#spawn(spec, user);
      return await this.#bring(spec, config, { started, user }, options.signal);
    });
  }

  runs(process: HostProcess): boolean {
    return runsProgram(process, this.#command, CH_NAMES);
  }

  async adopt(handle: VmHandle): Promise<Vm> {
    const { spec, pid, pid_start_ticks } = handle;
    if (handle.vmm !== 'cloud-hypervisor') {
      throw vmmError('HP_VMM_BAD_SPEC', `VM ${spec.id} runs under ${handle.vmm}.`);
    }
    const identity = { pid, start_ticks: pid_start_ticks };
    const gone = `VM ${spec.id} (pid ${pid}) is not there any more.`;
    if (!(await isVmmIn(handle, spec.run_dir, this))) throw vmmError('HP_VMM_GONE', gone);
    const ch = new CloudHypervisor({ socket_path: chFiles(spec.run_dir).api_path });
    try {
      const info = await ch.observe.info();
      return new CloudHypervisorVm({
        handle,
        ch,
        backings: await recallBackings(spec),
        pci_addresses: pciAddressesOf(info, spec),
        exited: null,
        cgroup: this.#starts.cgroupOf(handle),
        clock: this.#clock,
        proc_root: this.#options.proc_root ?? '/proc',
        looks_at_nodes: this.#looksAtNodes(spec),
        readHugePages: this.#readHugePages,
      });
    } catch (error) {
      await ch.close();
      // A server that ends says so before its process is gone.
      const grace_ms = isChError(error, 'HP_CH_CLOSED') ? LIMITS.vm_shutdown_ms : 0;
      if (!(await waitForEnd(identity, this.#clock, grace_ms))) throw error;
      throw vmmError('HP_VMM_GONE', gone, { cause: error });
    }
  }

  #looksAtNodes(spec: VmSpec): boolean {
    const { host_numa_node = null, readHostNodes } = this.#options;
    return asksForNodes(spec, host_numa_node, readHostNodes);
  }

  async #requireKvm(wanted: VmSpec['accelerator']): Promise<void> {
    if (wanted === 'kvm') return;
    const next = 'Use QEMU for this host, or a host with hardware virtualisation.';
    if (wanted === 'tcg') throw chError('HP_CH_NO_KVM', 'There is no TCG here.', { next });
    const probe = await (this.#options.probeAccelerator ?? probeAccelerator)();
    if (probe.accelerator === 'kvm') return;
    throw chError('HP_CH_NO_KVM', `No KVM to run an ordinary guest: ${probe.reason}.`, { next });
  }

  async #spawn(spec: VmSpec, user: VmmUser | null): Promise<DetachedProcess> {
    const { stdout_path, stderr_path } = chFiles(spec.run_dir);
    const [file, ...leading] = this.#command;
    const argv = [...leading, ...serverArguments(spec)];
    try {
      const command = commandAs(user, { file, arguments: argv });
      return await spawnDetached({ ...command, stdout_path, stderr_path });
    } catch (error) {
      if (codeOf(error) === null) throw error;
      throw chMissing(file, error);
    }
  }

  /** From a started process to a running VM; whatever goes wrong, nothing is left behind. */
  async #bring(
    spec: VmSpec,
    config: VmConfig,
    { started, user }: { readonly started: DetachedProcess; readonly user: VmmUser | null },
    signal: AbortSignal | undefined,
  ): Promise<Vm> {
    const clock = this.#clock;
    const ch = new CloudHypervisor({ socket_path: chFiles(spec.run_dir).api_path });
    let cgroup: MemoryCgroup | null = null;
    try {
      const handle = await this.#starts.record(spec, started, user);
      const initial_bytes = spec.devices.map(deviceInitialBytes);
      const guest = initial_bytes.reduce((sum, bytes) => sum + bytes, spec.boot_bytes);
      const slack = chSlackBytes(spec);
      cgroup = await this.#starts.confine(spec, started.pid, { guest, slack });
      await this.#waitForServer(ch, started, signal);
      await this.#boot(spec, config, ch, signal);
      const backings = await learnBackings(spec);
      const pci_addresses = pciAddressesOf(await ch.observe.info(), spec);
      const proc_root = this.#options.proc_root ?? '/proc';
      const exited = async () => await started.exited();
      const parts = { handle, ch, backings, pci_addresses, exited, cgroup, clock, proc_root };
      const looks_at_nodes = this.#looksAtNodes(spec);
      const readPool = this.#readHugePages;
      return new CloudHypervisorVm({ ...parts, looks_at_nodes, readHugePages: readPool });
    } catch (error) {
      await ch.close();
      const dead = !(await isAlive(started));
      await endVmm(started, clock, LIMITS.vm_shutdown_ms);
      await cgroup?.remove();
      await cleanRunDir(spec.run_dir, socketsOf(spec.run_dir));
      if (signal?.aborted) {
        throw vmmError('HP_VMM_ABORTED', `The start of VM ${spec.id} was aborted.`, {
          cause: error,
        });
      }
      throw isChError(error, 'HP_CH_VERSION') ? error : await serverFailed(spec, error, dead);
    }
  }

  async #waitForServer(
    ch: CloudHypervisor,
    started: DetachedProcess,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const deadline_ms = LIMITS.vmm_start_ms;
    const probe = async (): Promise<string | null> => {
      try {
        return (await ch.vmm.ping(signal ? { signal } : {})).version;
      } catch (error) {
        if (!isChError(error, 'HP_CH_CONNECT')) throw error;
        if (await isAlive(started)) return null;
        const { code, signal: by } = await started.exited();
        throw new Error(`the server ended with ${by ?? `code ${code}`}`, { cause: error });
      }
    };
    const pace = { clock: this.#clock, deadline_ms, ...(signal ? { signal } : {}) };
    const version = await waitFor(probe, pace);
    if (version === null) throw new Error(`the server did not answer within ${deadline_ms} ms`);
    requireVersion(version);
  }

  async #boot(
    spec: VmSpec,
    config: VmConfig,
    ch: CloudHypervisor,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const options = { deadline_ms: CH_LIMITS.boot_ms, ...(signal ? { signal } : {}) };
    try {
      await ch.lifecycle.create(config, options);
    } catch (error) {
      const messages = isChError(error, 'HP_CH_REJECTED') ? String(error.details['messages']) : '';
      if (!config.landlock_enable || !/landlock/i.test(messages)) throw error;
      this.#starts.warn(`VM ${spec.id} runs without Landlock: ${messageOf(error)}`);
      await ch.lifecycle.delete(options);
      await ch.lifecycle.create({ ...config, landlock_enable: false }, options);
    }
    await ch.lifecycle.boot(options);
  }
}

async function serverFailed(spec: VmSpec, cause: unknown, dead: boolean): Promise<Error> {
  if (isHotplaneError(cause) && cause.code.startsWith('HP_VMM_')) return cause;
  const what = cause instanceof Error ? cause.message : String(cause);
  const { stderr_path } = chFiles(spec.run_dir);
  return await startFailed(spec, what, { stderr_path, quotes: dead, cause });
}

/** Network devices of VMs on this host, and whether there can be any. */
import { isHotplaneError } from '../../base/errors.ts';
import { ourUid } from '../../base/safe-path.ts';
import {
  bridgeMtu,
  makeTap,
  removeTap,
  tapName,
  tapTroubles,
} from '../../hypervisor-client/host/tap.ts';
import type { NicSpec } from '../../hypervisor-client/vm.ts';
import { errorOf } from '../model/failure.ts';
import { type BridgePool, macOf, type VmNetwork, whyNoNetwork } from '../model/network.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { FunctionSpec } from '../model/spec.ts';

/** A network device that is made once it is known who may open it. */
export interface PlannedNic {
  readonly nic: NicSpec;
  /** Throws HP_VMM_TAP, and nothing of it is left. */
  readonly make: (owner_uid: number) => Promise<void>;
}

export interface HostNetwork {
  /** Servers that tell addresses of names; none: what the image says holds. */
  readonly dns: readonly string[];
  /** Throws HP_AGENT_NO_NETWORK with all that is missing for the network of a function. */
  check(spec: FunctionSpec): Promise<void>;
  /** What the device of a VM is, and how it is made. Throws HP_AGENT_NO_NETWORK, HP_VMM_TAP. */
  plan(vm_id: string, network: VmNetwork): Promise<PlannedNic>;
  /** Removes it; done where there is none. Throws HP_VMM_TAP. */
  close(vm_id: string): Promise<void>;
}

export interface TapsOptions {
  readonly vms_dir: string;
  readonly bridges: readonly BridgePool[];
  readonly dns: readonly string[];
}

/** VMs are counted from 1: the device of a trial has a number that none has. */
const TRIAL = 0;
/** 0.0.0.0 */
const NOBODY = 0;

/** TAP devices of the kernel, made with iproute2. */
export class Taps implements HostNetwork {
  readonly #options: TapsOptions;
  /** One trial at a time: they have one name. */
  #trial: Promise<unknown> = Promise.resolve();

  constructor(options: TapsOptions) {
    this.#options = options;
  }

  get dns(): readonly string[] {
    return this.#options.dns;
  }

  async check(spec: FunctionSpec): Promise<void> {
    const missing = await this.#missing(spec);
    if (missing.length > 0) throw errorOf(REFUSALS.noNetwork(spec.name, missing));
  }

  /** What can be seen to be missing, else what making a device says. */
  async #missing(spec: FunctionSpec): Promise<readonly string[]> {
    const { bridges } = this.#options;
    const why = whyNoNetwork(spec, bridges);
    const pool = bridges.find(({ bridge }) => bridge === spec.network?.bridge);
    if (why !== null || !pool) return why === null ? [] : [why];
    const { bridge } = pool;
    try {
      const mtu_bytes = await bridgeMtu(bridge);
      const no_bridge = mtu_bytes === null ? [`this host has no bridge '${bridge}'`] : [];
      const missing = [...(await tapTroubles()), ...no_bridge];
      if (missing.length > 0) return missing;
      // In the name of no VM: a bridge would take the link address away from the one that has it.
      await this.#try({ ...pool, first: NOBODY, count: 1 });
      return [];
    } catch (error) {
      if (isHotplaneError(error)) return [error.message.replace(/\.$/, '')];
      throw error;
    }
  }

  async #try(network: VmNetwork): Promise<void> {
    const trial = this.#trial.then(async () => {
      const { nic, make } = await this.#plan(TRIAL, network);
      await make(ourUid());
      await removeTap(nic.tap);
    });
    this.#trial = trial.catch(() => undefined);
    await trial;
  }

  async plan(vm_id: string, network: VmNetwork): Promise<PlannedNic> {
    return await this.#plan(numberOf(vm_id), network);
  }

  async #plan(number: number, network: VmNetwork): Promise<PlannedNic> {
    const { vms_dir, bridges } = this.#options;
    const { bridge } = network;
    const mtu_bytes = await bridgeMtu(bridge);
    if (mtu_bytes === null) {
      throw errorOf(REFUSALS.noNetwork(bridge, [`this host has no bridge '${bridge}'`]));
    }
    const tap = tapName(vms_dir, number);
    const mac = macOf(network);
    const filter = { mac, own: network, closed: bridges };
    const device = { name: tap, bridge, mtu_bytes, filter };
    const make = async (owner_uid: number): Promise<void> =>
      await makeTap({ ...device, owner_uid });
    return { nic: { tap, mac, mtu_bytes }, make };
  }

  async close(vm_id: string): Promise<void> {
    await removeTap(tapName(this.#options.vms_dir, numberOf(vm_id)));
  }
}

/** The core names VMs `vm<number>`. */
const numberOf = (vm_id: string): number => Number(vm_id.replace(/^vm/, ''));

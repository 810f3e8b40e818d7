/** Calls that only look. */
import { readCounters, readInfo } from '../answers.ts';
import type { CallOptions, Transport } from '../../rest/transport.ts';
import type { VmCounters, VmInfo } from '../types/index.ts';

/** `vm.info` and `vm.counters`. */
export class ObserveApi {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * State, configuration (with the targets of all zones) and the actual size. Throws
   * HP_CH_IMPLAUSIBLE for a size that the VM cannot have.
   */
  async info(options: CallOptions = {}): Promise<VmInfo> {
    const route = 'vm.info';
    return readInfo(await this.#transport.call({ ...options, method: 'GET', route }), route);
  }

  /** Counters of block and net devices of a running VM. */
  async counters(options: CallOptions = {}): Promise<VmCounters> {
    const route = 'vm.counters';
    return readCounters(await this.#transport.call({ ...options, method: 'GET', route }), route);
  }
}

/** Calls that save a VM and bring it back. URLs are `file:///absolute/folder`. */
import type { CallOptions, Transport } from '../../rest/transport.ts';
import type { RestoreConfig } from '../types/index.ts';

/** `vm.snapshot`, `vm.restore` and `vm.coredump`. */
export class SnapshotApi {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The VM must be paused and the folder must exist. Only plugged memory is written. */
  async snapshot(destination_url: string, options: CallOptions = {}): Promise<void> {
    await this.#put('vm.snapshot', { destination_url }, options);
  }

  /** There must be no VM; it comes back paused unless `resume` is set. */
  async restore(config: RestoreConfig, options: CallOptions = {}): Promise<void> {
    await this.#put('vm.restore', config, options);
  }

  /** Only in builds with the feature `guest_debug`. */
  async coredump(destination_url: string, options: CallOptions = {}): Promise<void> {
    await this.#put('vm.coredump', { destination_url }, options);
  }

  async #put(route: string, body: object, options: CallOptions): Promise<void> {
    await this.#transport.call({ ...options, method: 'PUT', route, body });
  }
}

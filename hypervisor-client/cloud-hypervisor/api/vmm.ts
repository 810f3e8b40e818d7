/** Calls about the server itself. */
import { readPing } from '../answers.ts';
import { isChError } from '../errors.ts';
import type { CallOptions, Transport } from '../../rest/transport.ts';
import type { VmmPing } from '../types/index.ts';

/** `vmm.*`: is it there, which version is it, and its end. */
export class VmmApi {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Version, process id and features of the server. */
  async ping(options: CallOptions = {}): Promise<VmmPing> {
    const route = 'vmm.ping';
    return readPing(await this.#transport.call({ ...options, method: 'GET', route }), route);
  }

  /**
   * Deletes the VM and ends the server. A connection that ends early is success: before v39 the
   * answer could be lost.
   */
  async shutdown(options: CallOptions = {}): Promise<void> {
    try {
      await this.#transport.call({ ...options, method: 'PUT', route: 'vmm.shutdown' });
    } catch (error) {
      if (!isChError(error, 'HP_CH_CLOSED')) throw error;
    }
  }
}

/** Calls that move a VM to another server. */
import type { CallOptions, Transport } from '../../rest/transport.ts';
import type { ReceiveMigration, SendMigration } from '../types/index.ts';

/** `vm.send-migration` and `vm.receive-migration`. */
export class MigrationApi {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Since v53 it answers at once; the events tell how it went. */
  async send(request: SendMigration, options: CallOptions = {}): Promise<void> {
    const route = 'vm.send-migration';
    await this.#transport.call({ ...options, method: 'PUT', route, body: request });
  }

  async receive(request: ReceiveMigration, options: CallOptions = {}): Promise<void> {
    const route = 'vm.receive-migration';
    await this.#transport.call({ ...options, method: 'PUT', route, body: request });
  }
}

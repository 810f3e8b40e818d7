/** Calls that take a VM through its life. None has an answer; all but create have no body. */
import type { CallOptions, Transport } from '../../rest/transport.ts';
import { chError } from '../errors.ts';
import type { VmConfig } from '../types/index.ts';

/** `vm.create` to `vm.delete`. */
export class LifecycleApi {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Stores a configuration. It is not validated before {@link boot}. */
  async create(config: VmConfig, options: CallOptions = {}): Promise<void> {
    requirePaths(config);
    await this.#transport.call({ ...options, method: 'PUT', route: 'vm.create', body: config });
  }

  /** Validates, builds and starts the VM; answers when its vCPUs run. */
  async boot(options: CallOptions = {}): Promise<void> {
    await this.#put('vm.boot', options);
  }

  /** Forgets the configuration, after a hard stop where the VM runs. No VM is fine. */
  async delete(options: CallOptions = {}): Promise<void> {
    await this.#put('vm.delete', options);
  }

  /** Hard stop; the configuration and the server stay. */
  async shutdown(options: CallOptions = {}): Promise<void> {
    await this.#put('vm.shutdown', options);
  }

  /** Hard reset. Plugged memory comes back as requested, not as plugged. */
  async reboot(options: CallOptions = {}): Promise<void> {
    await this.#put('vm.reboot', options);
  }

  async pause(options: CallOptions = {}): Promise<void> {
    await this.#put('vm.pause', options);
  }

  async resume(options: CallOptions = {}): Promise<void> {
    await this.#put('vm.resume', options);
  }

  /** Presses the ACPI power button; the guest may ignore it. */
  async powerButton(options: CallOptions = {}): Promise<void> {
    await this.#put('vm.power-button', options);
  }

  /** Injects a non-maskable interrupt (v39+). */
  async nmi(options: CallOptions = {}): Promise<void> {
    await this.#put('vm.nmi', options);
  }

  async #put(route: string, options: CallOptions): Promise<void> {
    await this.#transport.call({ ...options, method: 'PUT', route });
  }
}

/**
 * Without the path that its mode needs, the server's VMM thread panics and answers nothing more.
 */
function requirePaths(config: VmConfig): void {
  for (const name of ['serial', 'console'] as const) {
    const port = config[name];
    if (!port) continue;
    const { mode, file, socket } = port;
    const lacks = (mode === 'File' && !file) || (mode === 'Socket' && !socket);
    if (!lacks) continue;
    throw chError('HP_CH_BAD_ARGUMENT', `vm.create: ${name} of mode ${mode} names no path.`, {
      next: `Name the ${mode === 'File' ? 'file' : 'socket'}; nothing was sent.`,
      details: { route: 'vm.create', sent: 'no' },
    });
  }
}

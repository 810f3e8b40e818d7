/**
 * Calls that change sizes. An answer means "target stored", never "memory moved"; asking for the
 * target that is set already is an error (HP_CH_SAME_SIZE). Before boot the same calls change the
 * boot size instead. Sizes are bytes.
 */
import { chError } from '../errors.ts';
import type { CallOptions, Transport } from '../../rest/transport.ts';

export interface ResizeRequest {
  readonly desired_vcpus?: number;
  /** Of the whole VM, boot memory included. Only for a VM without zones. */
  readonly desired_ram?: number;
  readonly desired_balloon?: number;
}

/** `vm.resize`, `vm.resize-zone` and `vm.resize-disk`. */
export class ResizeApi {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async resize(request: ResizeRequest, options: CallOptions = {}): Promise<void> {
    const route = 'vm.resize';
    const { desired_vcpus = 1, desired_ram = 0, desired_balloon = 0 } = request;
    requireSizes(route, { desired_vcpus, desired_ram, desired_balloon });
    await this.#transport.call({ ...options, method: 'PUT', route, body: request });
  }

  /** `desired_ram` is the total of the zone, its boot size included. */
  async resizeZone(id: string, desired_ram: number, options: CallOptions = {}): Promise<void> {
    const route = 'vm.resize-zone';
    requireSizes(route, { desired_ram });
    await this.#transport.call({ ...options, method: 'PUT', route, body: { id, desired_ram } });
  }

  /** v50+. */
  async resizeDisk(id: string, desired_size: number, options: CallOptions = {}): Promise<void> {
    const route = 'vm.resize-disk';
    requireSizes(route, { desired_size });
    await this.#transport.call({ ...options, method: 'PUT', route, body: { id, desired_size } });
  }
}

/** JSON would turn NaN into null and 2^53 + 1 into another number: nothing of that is sent. */
function requireSizes(route: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(sizes)) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw chError('HP_CH_BAD_ARGUMENT', `${route}: ${name} ${value} is not a size.`, {
      details: { route, [name]: value, sent: 'no' },
    });
  }
}

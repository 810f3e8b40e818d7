/**
 * Calls that add and remove devices. Adding answers with the place on the bus while the VM runs,
 * and with null before its boot. Memory zones are fixed at creation: there is no call for them.
 */
import { readPciDevice } from '../answers.ts';
import type { CallOptions, Transport } from '../../rest/transport.ts';
import type {
  DeviceConfig,
  DiskConfig,
  FsConfig,
  GenericVhostUserConfig,
  NetConfig,
  PciDeviceInfo,
  PmemConfig,
  UserDeviceConfig,
  VdpaConfig,
  VsockConfig,
} from '../types/index.ts';

/** `vm.add-*` and `vm.remove-device`. */
export class DevicesApi {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  addDisk(config: DiskConfig, options: CallOptions = {}): Promise<PciDeviceInfo | null> {
    return this.#add('vm.add-disk', config, options);
  }

  addNet(config: NetConfig, options: CallOptions = {}): Promise<PciDeviceInfo | null> {
    return this.#add('vm.add-net', config, options);
  }

  addFs(config: FsConfig, options: CallOptions = {}): Promise<PciDeviceInfo | null> {
    return this.#add('vm.add-fs', config, options);
  }

  addPmem(config: PmemConfig, options: CallOptions = {}): Promise<PciDeviceInfo | null> {
    return this.#add('vm.add-pmem', config, options);
  }

  addVsock(config: VsockConfig, options: CallOptions = {}): Promise<PciDeviceInfo | null> {
    return this.#add('vm.add-vsock', config, options);
  }

  addVdpa(config: VdpaConfig, options: CallOptions = {}): Promise<PciDeviceInfo | null> {
    return this.#add('vm.add-vdpa', config, options);
  }

  /** A VFIO device. */
  addDevice(config: DeviceConfig, options: CallOptions = {}): Promise<PciDeviceInfo | null> {
    return this.#add('vm.add-device', config, options);
  }

  /** A vfio-user device. */
  addUserDevice(
    config: UserDeviceConfig,
    options: CallOptions = {},
  ): Promise<PciDeviceInfo | null> {
    return this.#add('vm.add-user-device', config, options);
  }

  /** v52+. */
  addGenericVhostUser(
    config: GenericVhostUserConfig,
    options: CallOptions = {},
  ): Promise<PciDeviceInfo | null> {
    return this.#add('vm.add-generic-vhost-user', config, options);
  }

  /** Asks the guest to let the device go; the event `device-removed` tells when it did. */
  async removeDevice(id: string, options: CallOptions = {}): Promise<void> {
    const route = 'vm.remove-device';
    await this.#transport.call({ ...options, method: 'PUT', route, body: { id } });
  }

  async #add(route: string, body: object, options: CallOptions): Promise<PciDeviceInfo | null> {
    const answer = await this.#transport.call({ ...options, method: 'PUT', route, body });
    return readPciDevice(answer, route);
  }
}

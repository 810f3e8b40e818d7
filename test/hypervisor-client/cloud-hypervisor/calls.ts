/** Every call of the client, with arguments that the fake takes, for tests that go through all. */
import type {
  CallOptions,
  CloudHypervisor,
} from '../../../hypervisor-client/cloud-hypervisor/index.ts';

export interface Call {
  readonly route: string;
  readonly method: 'GET' | 'PUT';
  readonly make: (ch: CloudHypervisor, options: CallOptions) => Promise<unknown>;
}

const ZONE_BYTES = 130 * 1024 * 1024;
const URL = 'file:///nowhere';

const get = (route: string, make: Call['make']): Call => ({ route, method: 'GET', make });
const put = (route: string, make: Call['make']): Call => ({ route, method: 'PUT', make });

export const CALLS: readonly Call[] = [
  get('vmm.ping', (ch, o) => ch.vmm.ping(o)),
  put('vmm.shutdown', (ch, o) => ch.vmm.shutdown(o)),
  put('vm.create', (ch, o) => ch.lifecycle.create({ payload: { kernel: '/none' } }, o)),
  put('vm.boot', (ch, o) => ch.lifecycle.boot(o)),
  put('vm.delete', (ch, o) => ch.lifecycle.delete(o)),
  put('vm.shutdown', (ch, o) => ch.lifecycle.shutdown(o)),
  put('vm.reboot', (ch, o) => ch.lifecycle.reboot(o)),
  put('vm.pause', (ch, o) => ch.lifecycle.pause(o)),
  put('vm.resume', (ch, o) => ch.lifecycle.resume(o)),
  put('vm.power-button', (ch, o) => ch.lifecycle.powerButton(o)),
  put('vm.nmi', (ch, o) => ch.lifecycle.nmi(o)),
  get('vm.info', (ch, o) => ch.observe.info(o)),
  get('vm.counters', (ch, o) => ch.observe.counters(o)),
  put('vm.resize', (ch, o) => ch.memory.resize({ desired_ram: ZONE_BYTES }, o)),
  put('vm.resize-zone', (ch, o) => ch.memory.resizeZone('region-r0', ZONE_BYTES, o)),
  put('vm.resize-disk', (ch, o) => ch.memory.resizeDisk('d0', ZONE_BYTES, o)),
  put('vm.add-disk', (ch, o) => ch.devices.addDisk({ path: '/disk' }, o)),
  put('vm.add-net', (ch, o) => ch.devices.addNet({ tap: 'tap0' }, o)),
  put('vm.add-fs', (ch, o) =>
    ch.devices.addFs({ tag: 't', socket: '/s', num_queues: 1, queue_size: 128 }, o),
  ),
  put('vm.add-pmem', (ch, o) => ch.devices.addPmem({ file: '/pmem' }, o)),
  put('vm.add-vsock', (ch, o) => ch.devices.addVsock({ cid: 4, socket: '/v' }, o)),
  put('vm.add-vdpa', (ch, o) => ch.devices.addVdpa({ path: '/vdpa', num_queues: 1 }, o)),
  put('vm.add-device', (ch, o) => ch.devices.addDevice({ path: '/sys/device' }, o)),
  put('vm.add-user-device', (ch, o) => ch.devices.addUserDevice({ socket: '/u' }, o)),
  put('vm.add-generic-vhost-user', (ch, o) =>
    ch.devices.addGenericVhostUser({ socket: '/g', queue_sizes: [128], device_type: 26 }, o),
  ),
  put('vm.remove-device', (ch, o) => ch.devices.removeDevice('d0', o)),
  put('vm.snapshot', (ch, o) => ch.snapshots.snapshot(URL, o)),
  put('vm.restore', (ch, o) => ch.snapshots.restore({ source_url: URL }, o)),
  put('vm.coredump', (ch, o) => ch.snapshots.coredump(URL, o)),
  put('vm.send-migration', (ch, o) => ch.migration.send({ destination_url: 'unix:/m' }, o)),
  put('vm.receive-migration', (ch, o) => ch.migration.receive({ receiver_url: 'unix:/m' }, o)),
];

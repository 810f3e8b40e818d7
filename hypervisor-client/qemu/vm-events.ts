/** From QMP events to the events and states of the interface. Pure. */
import type { VmEvent, VmSpec, VmRunState } from '../vm.ts';
import { objectIdOf } from './layout.ts';
import type { QmpEvent } from './qmp-message.ts';

/** The event of the interface that a QMP event stands for, or null. */
export function toVmEvent(event: QmpEvent, spec: VmSpec, at_ms: number): VmEvent | null {
  switch (event.name) {
    case 'GUEST_PANICKED':
      return { type: 'guest-panicked', at_ms };
    case 'MEMORY_DEVICE_SIZE_CHANGE': {
      const device = spec.devices.find(({ id }) => objectIdOf(id) === event.data['id']);
      const size = event.data['size'];
      if (!device || typeof size !== 'number') return null;
      return { type: 'device-size', at_ms, device_id: device.id, plugged_bytes: size };
    }
    default:
      return null;
  }
}

/**
 * True when QEMU is about to end because the guest reset the machine. A kernel without a pvpanic
 * driver shows a panic in the same way: the console decides.
 */
export function isGuestReset({ name, data }: QmpEvent): boolean {
  return name === 'SHUTDOWN' && data['reason'] === 'guest-reset';
}

/** From the `status` of query-status (qapi/run-state.json). */
export function toVmState(status: unknown): VmRunState {
  switch (status) {
    case 'running':
      return 'running';
    case 'prelaunch':
    case 'inmigrate':
      return 'starting';
    case 'guest-panicked':
      return 'panicked';
    case 'shutdown':
      return 'stopped';
    default:
      return 'paused';
  }
}

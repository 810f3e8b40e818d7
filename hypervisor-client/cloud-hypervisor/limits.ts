/** Limits of the client of Cloud Hypervisor and its driver. */
import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';

export const CH_LIMITS = {
  /** Calls to one Cloud Hypervisor that wait for the one in flight. */
  calls_queued: 256,
  /** One answer of Cloud Hypervisor; of an error answer less is kept. */
  answer_bytes: 8 * 1024 * 1024,
  error_body_bytes: 64 * 1024,
  error_messages: 32,
  error_message_chars: 1_024,
  /** One request body: the server of v53.0 and older takes 51,200 bytes, newer ones 4 MiB. */
  request_bytes: 51_200,
  /** A connection to Cloud Hypervisor that is idle longer is closed: it takes ten at most. */
  keep_alive_ms: 30_000,
  /** Creating or booting a VM, which sets up all of its memory. */
  boot_ms: 20_000,
  /** One record of the event monitor; a longer one is dropped and counted. */
  event_bytes: 64 * 1024,
  /** A first resize waits this long for the guest's driver, then is sent: it acts on probe. */
  driver_active_ms: 15_000,
  /** Regions that still move are waited for this long before another one is resized. */
  settle_ms: 2_000,
  /** Memory of the server itself, on top of what the guest may have. */
  cgroup_slack_bytes: 256 * 1024 * 1024,
  /** The log of a server (a line per call) is emptied every so many calls. */
  calls_per_log: 50_000,
  /**
   * Zones of one VM: every virtio-mem device is on PCI segment 0, which has 32 devices
   * (pci/src/bus.rs, NUM_DEVICE_IDS), less host bridge, rng, vsock and pvpanic.
   */
  zones_per_vm: 28,
} as const;

assert(
  CH_LIMITS.error_messages * CH_LIMITS.error_message_chars <= CH_LIMITS.error_body_bytes &&
    CH_LIMITS.error_body_bytes <= CH_LIMITS.answer_bytes,
  'what is told of an error answer fits into what is kept of it',
);
assert(
  LIMITS.vmm_call_ms <= CH_LIMITS.boot_ms && CH_LIMITS.boot_ms <= LIMITS.vmm_start_ms,
  'a boot may take longer than any call, and belongs to the start',
);
assert(
  CH_LIMITS.driver_active_ms + CH_LIMITS.settle_ms < LIMITS.plug_ms,
  'a plug outlasts the waits before it',
);
assert(CH_LIMITS.zones_per_vm <= LIMITS.regions_per_vm, 'no driver takes more than the interface');

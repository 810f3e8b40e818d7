/**
 * Every error code of the Cloud Hypervisor client. `details.sent` says what is known of the
 * request: `no` (never written), `maybe` (written, no whole answer: it may have taken effect) or
 * `yes` (answered). Users match on `code`; the server's texts are no contract.
 */
import {
  type CodeInfo,
  errorMaker,
  type HotplaneError,
  isHotplaneError,
} from '../../base/errors.ts';

const READ_AGAIN = 'Read vm.info before trying again: the request may have taken effect.';
const READ_REASON = 'Read the reason the server gave in details.messages.';

export const CH_CODES = {
  /* The way to the server and back. */
  HP_CH_CONNECT: {
    category: 'unavailable',
    meaning: 'No connection to the API socket.',
    next: 'Check that Cloud Hypervisor runs and that its API socket has this path.',
  },
  HP_CH_TIMEOUT: {
    category: 'timeout',
    meaning: 'The server did not answer in time.',
    next: READ_AGAIN,
  },
  HP_CH_CLOSED: {
    category: 'unavailable',
    meaning: 'The server closed the connection before it answered.',
    next: READ_AGAIN,
  },
  HP_CH_ABORTED: {
    category: 'interrupted',
    meaning: 'The caller aborted the call.',
    next: READ_AGAIN,
  },
  HP_CH_PROTOCOL: {
    category: 'failure',
    meaning: 'What came is not a valid answer.',
    next: 'Check that the socket belongs to Cloud Hypervisor; the connection was closed.',
  },
  HP_CH_IMPLAUSIBLE: {
    category: 'failure',
    meaning: 'The server told a size that the VM cannot have.',
    next: 'Do not use the figure; check the version of the server, then observe the VM again.',
  },
  HP_CH_BUSY: {
    category: 'conflict',
    meaning: 'As many calls wait as may.',
    next: 'Wait for the calls in flight to end.',
  },
  HP_CH_DISPOSED: {
    category: 'conflict',
    meaning: 'The client was closed.',
    next: 'Make a new client for the socket.',
  },
  HP_CH_BAD_ARGUMENT: {
    category: 'usage',
    meaning: 'An argument does not hold; nothing was sent.',
    next: 'Correct the argument; nothing was sent.',
  },

  /* What the server answered. */
  HP_CH_SERVER_FULL: {
    category: 'unavailable',
    meaning: 'The server has as many connections as it takes.',
    next: 'Close other connections to the API socket: the server takes ten.',
  },
  HP_CH_BAD_REQUEST: {
    category: 'usage',
    meaning: 'The server did not understand the request.',
    next: READ_REASON,
  },
  HP_CH_NOT_SERVED: {
    category: 'unavailable',
    meaning: 'The server does not know the call.',
    next: 'Use a version of Cloud Hypervisor that serves this call.',
  },
  HP_CH_NOT_CREATED: {
    category: 'conflict',
    meaning: 'There is no VM yet.',
    next: 'Create the VM first (vm.create).',
  },
  HP_CH_ALREADY_CREATED: {
    category: 'conflict',
    meaning: 'There is a VM already.',
    next: 'Delete the VM first (vm.delete).',
  },
  HP_CH_NOT_BOOTED: {
    category: 'conflict',
    meaning: 'The VM is not booted.',
    next: 'Boot the VM first (vm.boot).',
  },
  HP_CH_UNKNOWN_DEVICE: {
    category: 'usage',
    meaning: 'The VM has no such device.',
    next: 'Name a device that vm.info shows.',
  },
  HP_CH_DUPLICATE: {
    category: 'conflict',
    meaning: 'The id or path of a device is taken.',
    next: 'Use another id or path for the device.',
  },
  HP_CH_PENDING: {
    category: 'conflict',
    meaning: 'A vCPU is still being removed.',
    next: 'Try again when the guest has let the vCPU go.',
  },
  HP_CH_SAME_SIZE: {
    category: 'conflict',
    meaning: 'The size asked for is the one that is set.',
    next: 'Nothing to do: the target is set already.',
  },
  HP_CH_TOO_BIG: {
    category: 'usage',
    meaning: 'The size is above that of the zone.',
    next: 'Ask for at most the size of the zone.',
  },
  HP_CH_MISALIGNED: {
    category: 'usage',
    meaning: 'The size is no multiple of 2 MiB.',
    next: 'Ask for a multiple of 2 MiB.',
  },
  HP_CH_BELOW_BOOT: {
    category: 'usage',
    meaning: 'The size is below the boot memory.',
    next: 'Ask for at least the boot size.',
  },
  HP_CH_UNKNOWN_ZONE: {
    category: 'usage',
    meaning: 'The VM has no such memory zone.',
    next: 'Name a memory zone of the VM.',
  },
  HP_CH_NOT_RESIZABLE: {
    category: 'usage',
    meaning: 'The zone was made without a size to grow to.',
    next: 'Give the zone a hotplug_size and the VM hotplug_method VirtioMem.',
  },
  HP_CH_REJECTED: {
    category: 'failure',
    meaning: 'The server refused, for a reason of its own.',
    next: READ_REASON,
  },

  /* The driver. */
  HP_CH_VERSION: {
    category: 'unavailable',
    meaning: 'Cloud Hypervisor is of a version that is not used.',
    next: 'Install Cloud Hypervisor v53.0 or newer.',
  },
  HP_CH_NO_KVM: {
    category: 'unavailable',
    meaning: 'Cloud Hypervisor needs KVM, and there is none for this user.',
    next: 'Give this user /dev/kvm on a host with hardware virtualisation, or use QEMU with TCG.',
  },
} as const satisfies Record<string, CodeInfo>;

export type ChErrorCode = keyof typeof CH_CODES;

/** All codes of the client and the driver, for the documentation and its test. */
export const CH_ERROR_CODES: readonly string[] = Object.keys(CH_CODES);

/** Makes the error of one code; `message` is one sentence with the values that matter. */
export const chError = errorMaker<ChErrorCode>(CH_CODES);

/** True when `error` is ours and has one of these codes. */
export function isChError(
  error: unknown,
  ...codes: readonly ChErrorCode[]
): error is HotplaneError {
  return isHotplaneError(error) && codes.some((code) => code === error.code);
}

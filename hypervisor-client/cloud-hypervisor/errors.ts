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

const CODES = {
  /* The way to the server and back. */
  HP_CH_CONNECT: {
    category: 'unavailable',
    next: 'Check that Cloud Hypervisor runs and that its API socket has this path.',
  },
  HP_CH_TIMEOUT: { category: 'timeout', next: READ_AGAIN },
  HP_CH_CLOSED: { category: 'unavailable', next: READ_AGAIN },
  HP_CH_ABORTED: { category: 'interrupted', next: READ_AGAIN },
  HP_CH_PROTOCOL: {
    category: 'failure',
    next: 'Check that the socket belongs to Cloud Hypervisor; the connection was closed.',
  },
  HP_CH_IMPLAUSIBLE: {
    category: 'failure',
    next: 'Do not use the figure; check the version of the server, then observe the VM again.',
  },
  HP_CH_BUSY: { category: 'conflict', next: 'Wait for the calls in flight to end.' },
  HP_CH_DISPOSED: { category: 'conflict', next: 'Make a new client for the socket.' },
  HP_CH_BAD_ARGUMENT: { category: 'usage', next: 'Correct the argument; nothing was sent.' },

  /* What the server answered. */
  HP_CH_SERVER_FULL: {
    category: 'unavailable',
    next: 'Close other connections to the API socket: the server takes ten.',
  },
  HP_CH_BAD_REQUEST: { category: 'usage', next: READ_REASON },
  HP_CH_NOT_SERVED: {
    category: 'unavailable',
    next: 'Use a version of Cloud Hypervisor that serves this call.',
  },
  HP_CH_NOT_CREATED: { category: 'conflict', next: 'Create the VM first (vm.create).' },
  HP_CH_ALREADY_CREATED: { category: 'conflict', next: 'Delete the VM first (vm.delete).' },
  HP_CH_NOT_BOOTED: { category: 'conflict', next: 'Boot the VM first (vm.boot).' },
  HP_CH_UNKNOWN_DEVICE: { category: 'usage', next: 'Name a device that vm.info shows.' },
  HP_CH_DUPLICATE: { category: 'conflict', next: 'Use another id or path for the device.' },
  HP_CH_PENDING: { category: 'conflict', next: 'Try again when the guest has let the vCPU go.' },
  HP_CH_SAME_SIZE: { category: 'conflict', next: 'Nothing to do: the target is set already.' },
  HP_CH_TOO_BIG: { category: 'usage', next: 'Ask for at most the size of the zone.' },
  HP_CH_MISALIGNED: { category: 'usage', next: 'Ask for a multiple of 2 MiB.' },
  HP_CH_BELOW_BOOT: { category: 'usage', next: 'Ask for at least the boot size.' },
  HP_CH_UNKNOWN_ZONE: { category: 'usage', next: 'Name a memory zone of the VM.' },
  HP_CH_NOT_RESIZABLE: {
    category: 'usage',
    next: 'Give the zone a hotplug_size and the VM hotplug_method VirtioMem.',
  },
  HP_CH_REJECTED: { category: 'failure', next: READ_REASON },

  /* The driver. */
  HP_CH_VERSION: {
    category: 'unavailable',
    next: 'Install Cloud Hypervisor v53.0 or newer.',
  },
  HP_CH_NO_KVM: {
    category: 'unavailable',
    next: 'Give this user /dev/kvm on a host with hardware virtualisation, or use QEMU with TCG.',
  },
} as const satisfies Record<string, CodeInfo>;

export type ChErrorCode = keyof typeof CODES;

/** All codes of the client and the driver, for the documentation and its test. */
export const CH_ERROR_CODES: readonly string[] = Object.keys(CODES);

/** What is known of a request that failed. */
export type SentState = 'no' | 'maybe' | 'yes';

/** Makes the error of one code; `message` is one sentence with the values that matter. */
export const chError = errorMaker<ChErrorCode>(CODES);

/** True when `error` is ours and has one of these codes. */
export function isChError(
  error: unknown,
  ...codes: readonly ChErrorCode[]
): error is HotplaneError {
  return isHotplaneError(error) && codes.some((code) => code === error.code);
}

/** What is known of the request behind this error; `maybe` for anything that does not say. */
export function sentState(error: unknown): SentState {
  const sent = isHotplaneError(error) ? error.details['sent'] : undefined;
  return sent === 'no' || sent === 'yes' ? sent : 'maybe';
}

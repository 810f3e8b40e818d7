/** Errors of the guest channel. The guest's own reply codes come as `details.guest_code`. */
import { HotplaneError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';

const LOOK = 'look at the console of the VM';

export function guestClosed(vm_id: string, why: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_GUEST_CLOSED',
    category: 'unavailable',
    message: `the channel to the guest of ${vm_id} closed: ${why}`,
    next: `${LOOK}; deploy the function again for a new VM.`,
  });
}

export function guestTimeout(vm_id: string, request: string, deadline_ms: number): HotplaneError {
  return new HotplaneError({
    code: 'HP_GUEST_TIMEOUT',
    category: 'timeout',
    message: `the guest of ${vm_id} did not answer '${request}' within ${deadline_ms} ms.`,
    next: `${LOOK}; the host may be overloaded.`,
  });
}

export function guestInvalid(vm_id: string, what: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_GUEST_INVALID',
    category: 'failure',
    message: `the guest of ${vm_id} sent something that is not the protocol: ${what}`,
    next: 'rebuild the guest image; if it stays, report it with the console of the VM.',
  });
}

export function guestVersion(vm_id: string, range: readonly number[]): HotplaneError {
  return new HotplaneError({
    code: 'HP_GUEST_VERSION',
    category: 'failure',
    message: `the guest of ${vm_id} speaks protocol versions ${range.join(' to ')} only.`,
    next: "build the image of this version with 'hotplane images build'.",
  });
}

export function guestRefused(request: string, code: string, message: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_GUEST_REFUSED',
    category: 'failure',
    message: `the guest refused '${request}': ${printable(message)} (${printable(code, 64)}).`,
    next: `${LOOK} for the reason.`,
    details: { guest_code: code },
  });
}

export function guestBusy(vm_id: string, limit: number): HotplaneError {
  return new HotplaneError({
    code: 'HP_GUEST_BUSY',
    category: 'unavailable',
    message: `${limit} requests wait for the guest of ${vm_id} already.`,
    next: 'send fewer at once.',
  });
}

export function guestNoHello(
  vm_id: string,
  waited_ms: number,
  console_path: string,
  last_lines: string,
): HotplaneError {
  return new HotplaneError({
    code: 'HP_GUEST_NO_HELLO',
    category: 'timeout',
    message: `the guest of ${vm_id} said no hello within ${Math.round(waited_ms)} ms. ${last_lines}`,
    next: `read the console in ${console_path}.`,
    details: { console_path },
  });
}

export function guestPanic(vm_id: string, console_path: string, last_lines: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_GUEST_PANIC',
    category: 'failure',
    message: `the guest kernel of ${vm_id} panicked. ${last_lines}`,
    next: `read the console in ${console_path}.`,
    details: { console_path },
  });
}

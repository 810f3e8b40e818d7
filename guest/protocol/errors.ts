/** Errors of the guest channel. The guest's own reply codes come as `details.guest_code`. */
import { type CodeInfo, errorMaker, type HotplaneError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';

export const GUEST_CODES = {
  HP_GUEST_NO_HELLO: {
    category: 'timeout',
    meaning: 'The guest did not say hello in time; the message quotes its console.',
    next: 'read the console of the VM; the message names its path.',
  },
  HP_GUEST_PANIC: {
    category: 'failure',
    meaning: 'The guest kernel panicked; the message quotes its console.',
    next: 'read the console of the VM; the message names its path.',
  },
  HP_GUEST_CLOSED: {
    category: 'unavailable',
    meaning: 'The channel to the guest closed.',
    next: 'look at the console of the VM; deploy the function again for a new VM.',
  },
  HP_GUEST_TIMEOUT: {
    category: 'timeout',
    meaning: 'The guest did not answer a request in time.',
    next: 'look at the console of the VM; the host may be overloaded.',
  },
  HP_GUEST_REFUSED: {
    category: 'failure',
    meaning: 'The guest refused a request; `details.guest_code` is its own word.',
    next: 'look at the console of the VM for the reason.',
  },
  HP_GUEST_BUSY: {
    category: 'unavailable',
    meaning: 'As many requests wait for the guest as may.',
    next: 'send fewer at once.',
  },
  HP_GUEST_INVALID: {
    category: 'failure',
    meaning: 'The guest sent something that is not the protocol; the channel is ended.',
    next: 'rebuild the guest image; if it stays, report it with the console of the VM.',
  },
  HP_GUEST_VERSION: {
    category: 'failure',
    meaning: 'The guest speaks other versions of the protocol.',
    next: "build the image of this version with 'hotplane images build'.",
  },
} as const satisfies Record<string, CodeInfo>;

/** Makes the error of one code; `message` is one sentence with the values that matter. */
const guestError = errorMaker<keyof typeof GUEST_CODES>(GUEST_CODES);

const LOOK = 'look at the console of the VM';

export function guestClosed(vm_id: string, why: string): HotplaneError {
  return guestError('HP_GUEST_CLOSED', `the channel to the guest of ${vm_id} closed: ${why}`, {
    next: `${LOOK}; deploy the function again for a new VM.`,
  });
}

export function guestTimeout(vm_id: string, request: string, deadline_ms: number): HotplaneError {
  return guestError(
    'HP_GUEST_TIMEOUT',
    `the guest of ${vm_id} did not answer '${request}' within ${deadline_ms} ms.`,
    { next: `${LOOK}; the host may be overloaded.` },
  );
}

export function guestInvalid(vm_id: string, what: string): HotplaneError {
  return guestError(
    'HP_GUEST_INVALID',
    `the guest of ${vm_id} sent something that is not the protocol: ${what}`,
  );
}

export function guestVersion(vm_id: string, range: readonly number[]): HotplaneError {
  return guestError(
    'HP_GUEST_VERSION',
    `the guest of ${vm_id} speaks protocol versions ${range.join(' to ')} only.`,
  );
}

export function guestRefused(request: string, code: string, message: string): HotplaneError {
  return guestError(
    'HP_GUEST_REFUSED',
    `the guest refused '${request}': ${printable(message)} (${printable(code, 64)}).`,
    { next: `${LOOK} for the reason.`, details: { guest_code: code } },
  );
}

export function guestBusy(vm_id: string, limit: number): HotplaneError {
  return guestError('HP_GUEST_BUSY', `${limit} requests wait for the guest of ${vm_id} already.`);
}

export function guestNoHello(
  vm_id: string,
  waited_ms: number,
  console_path: string,
  last_lines: string,
): HotplaneError {
  return guestError(
    'HP_GUEST_NO_HELLO',
    `the guest of ${vm_id} said no hello within ${Math.round(waited_ms)} ms. ${last_lines}`,
    { next: `read the console in ${console_path}.`, details: { console_path } },
  );
}

export function guestPanic(vm_id: string, console_path: string, last_lines: string): HotplaneError {
  return guestError('HP_GUEST_PANIC', `the guest kernel of ${vm_id} panicked. ${last_lines}`, {
    next: `read the console in ${console_path}.`,
    details: { console_path },
  });
}

/**
 * Instruction sets of guests. The product runs x86-64; arm64 is there so that the kernel series is
 * built and tested on more than one.
 */
export const GUEST_ARCHS = ['x86-64', 'arm64'] as const;

export type GuestArch = (typeof GUEST_ARCHS)[number];

export const DEFAULT_ARCH: GuestArch = 'x86-64';

/** The CPU that QEMU emulates (TCG), wherever this project starts one. Pure. */

/**
 * Flags by which Linux zeroes and copies memory with `rep stosb` and `rep movsb`
 * (arch/x86/include/asm/page_64.h and lib/clear_page_64.S: ERMS; lib/memcpy_64.S, lib/memmove_64.S,
 * lib/copy_user_64.S: FSRM and ERMS; lib/memset_64.S, asm/uaccess_64.h: FSRS). A real CPU moves
 * cache lines for them; TCG runs one iteration a byte and so takes some 140 times as long as the
 * host to zero a page, where it takes 3 to 18 times for other work of the kernel: the time of
 * everything that zeroes or copies would say nothing about hardware. Counted instructions
 * (`-icount`) too: 4,106 to zero a page instead of 522.
 */
const BYTEWISE = ['erms', 'fsrm'];
/** The same kind; QEMU knows these, and its `max` has them, since version 8.1. */
const BYTEWISE_SINCE_8_1 = ['fzrm', 'fsrs', 'fsrc'];

/**
 * Value of QEMU's `-cpu` under TCG: all it can emulate but string instructions as the fast way to
 * zero and copy. `version` is a version or what `--version` prints; QEMU refuses a flag it does not
 * know, so only flags of version 7.2 are named when it cannot be read.
 */
export function emulatedCpu(version: string): string {
  const match = /\b(\d+)\.(\d+)/.exec(version);
  const [major, minor] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
  const newer = major > 8 || (major === 8 && minor >= 1);
  const flags = newer ? [...BYTEWISE, ...BYTEWISE_SINCE_8_1] : BYTEWISE;
  return ['max', ...flags.map((flag) => `-${flag}`)].join(',');
}

/** Sizes are bytes everywhere; these are for constants, config suffixes and people's eyes. */

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

/** Unit of plug of the virtio-mem device (QEMU and Cloud Hypervisor default). */
export const DEVICE_BLOCK_BYTES = 2 * MIB;
/** Linux memory block on x86-64 with less than 64 GiB of boot memory (arch/x86/mm/init_64.c). */
export const MEMORY_BLOCK_BYTES = 128 * MIB;

const SIZE = /^(\d+(?:\.\d+)?)\s*([kmgt])?(?:i?b)?$/i;

function factorOf(unit = ''): number {
  const factors = { '': 1, k: KIB, m: MIB, g: GIB, t: 1024 * GIB };
  return new Map(Object.entries(factors)).get(unit.toLowerCase()) ?? Number.NaN;
}

/** Parses `128MiB`, `2GiB`, `4096`, `64k`; returns bytes, or null when it is not a size. */
export function parseBytes(text: string): number | null {
  const match = SIZE.exec(text.trim());
  if (!match) return null;
  const bytes = Number(match[1]) * factorOf(match[2]);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** What to give where `text` is not a size of at least one byte, for a sentence about it. Pure. */
export function sizeWanted(text: string): string {
  const match = SIZE.exec(text.trim());
  if (!match) return 'a size like 256MiB';
  const bytes = Number(match[1]) * factorOf(match[2]);
  if (bytes > Number.MAX_SAFE_INTEGER) return 'a size below 8192TiB; this one is more';
  return bytes <= 0 ? 'a size above 0, like 256MiB' : 'a size of whole bytes, like 256MiB';
}

/** `1.5 GiB`, `768 MiB`, `12 KiB`, `7 B`. */
export function formatBytes(bytes: number): string {
  const units: readonly (readonly [number, string])[] = [
    [GIB, 'GiB'],
    [MIB, 'MiB'],
    [KIB, 'KiB'],
  ];
  for (const [size, name] of units) {
    if (Math.abs(bytes) >= size) return `${trimZeros((bytes / size).toFixed(2))} ${name}`;
  }
  return `${bytes} B`;
}

/** `850 µs`, `12.3 ms`, `4.56 s`, `2 min 5 s`. */
export function formatMs(ms: number): string {
  if (ms < 0) return `-${formatMs(-ms)}`;
  if (ms < 1) return `${trimZeros((ms * 1000).toFixed(0))} µs`;
  if (ms < 1000) return `${trimZeros(ms.toFixed(ms < 100 ? 1 : 0))} ms`;
  if (ms < 120_000) return `${trimZeros((ms / 1000).toFixed(2))} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Smallest multiple of `unit` that is at least `bytes`. */
export function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** `1 VM`, `2 VMs`. Pure. */
export const counted = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`;

/**
 * The host's view of the modelled memory: log lines with addresses, a `smaps` file, and a `pagemap`
 * for devices whose partitions share a mapping.
 */
import { closeSync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { writeWholeSync } from '../../../base/files.ts';
import { makeFolderSync } from '../../../base/make-folder.ts';
import type { FakeZone } from './zones.ts';

interface Placed {
  readonly start: number;
  readonly bytes: number;
  readonly resident: () => number;
  readonly partitions: () => readonly number[] | null;
}

const PAGE_BYTES = 4096;
const ENTRY_BYTES = 8;
/** Last byte of the entry of a page that is in memory. */
const PRESENT = 0x80;

/** Addresses are made up: the boot parts in order, then the hotplug parts in order. */
export class FakeResidency {
  readonly #placed: Placed[] = [];

  constructor(zones: readonly FakeZone[]) {
    let next = 0x7f00_0000_0000;
    const place = (placed: Omit<Placed, 'start'>): void => {
      if (placed.bytes === 0) return;
      this.#placed.push({ start: next, ...placed });
      next += placed.bytes + 0x20_0000;
    };
    for (const { boot_bytes: bytes } of zones) {
      place({ bytes, resident: () => bytes, partitions: () => null });
    }
    for (const zone of zones) {
      place({
        bytes: zone.hotplug_bytes,
        resident: () => zone.resident_bytes,
        partitions: () => zone.partitions,
      });
    }
  }

  /** As the server logs them at level info. */
  logLines(): string[] {
    return this.#placed.map(
      ({ start, bytes }) =>
        `cloud-hypervisor: 0.1s: <vmm> INFO:vmm/src/memory_manager.rs:1 -- ` +
        `RAM region mapping at 0x${start.toString(16)} (size = 0x${bytes.toString(16)})`,
    );
  }

  write(proc_root: string, pid: number): void {
    const dir = join(proc_root, String(pid));
    const path = join(dir, 'smaps');
    const text = this.#placed.map((placed) => {
      const end = placed.start + placed.bytes;
      const range = `${placed.start.toString(16)}-${end.toString(16)}`;
      return `${range} rw-p 00000000 00:00 0 \nRss: ${placed.resident() / 1024} kB\n`;
    });
    makeFolderSync(dir);
    writeWholeSync(path, text.join(''), { durable: false });
    if (this.#placed.some(({ partitions }) => partitions() !== null)) this.#writePagemap(dir);
  }

  /** A sparse file: an entry for each page of the address space. */
  #writePagemap(dir: string): void {
    const path = join(dir, 'pagemap');
    const file = openSync(`${path}.new`, 'w');
    for (const { start, bytes, partitions } of this.#placed) {
      const sizes = partitions() ?? [];
      const each_bytes = bytes / sizes.length;
      ftruncateSync(file, offset(start + bytes));
      for (const [index, resident_bytes] of sizes.entries()) {
        const entries = Buffer.alloc(offset(resident_bytes));
        for (let at = ENTRY_BYTES - 1; at < entries.length; at += ENTRY_BYTES) {
          entries[at] = PRESENT;
        }
        writeSync(file, entries, 0, entries.length, offset(start + index * each_bytes));
      }
    }
    closeSync(file);
    renameSync(`${path}.new`, path);
  }
}

/** Where the entry of an address is, or how many bytes of entries so many bytes have. */
const offset = (address: number): number => (address / PAGE_BYTES) * ENTRY_BYTES;

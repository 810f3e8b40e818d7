/** The host's view of the modelled memory: log lines with addresses, and a `smaps` file. */
import { join } from 'node:path';
import { writeWholeSync } from '../../../base/files.ts';
import { makeFolderSync } from '../../../base/make-folder.ts';
import type { FakeZone } from './zones.ts';

interface Placed {
  readonly start: number;
  readonly bytes: number;
  readonly resident: () => number;
}

/** Addresses are made up: the boot parts in order, then the hotplug parts in order. */
export class FakeResidency {
  readonly #placed: Placed[] = [];

  constructor(zones: readonly FakeZone[]) {
    let next = 0x7f00_0000_0000;
    const place = (bytes: number, resident: () => number): void => {
      if (bytes === 0) return;
      this.#placed.push({ start: next, bytes, resident });
      next += bytes + 0x20_0000;
    };
    for (const zone of zones) place(zone.boot_bytes, () => zone.boot_bytes);
    for (const zone of zones) place(zone.hotplug_bytes, () => zone.resident_bytes);
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
  }
}

/** Whether what was written without being synced can still be trusted. */
import { readFile } from 'node:fs/promises';

/** Names this run of the machine; after another one, unsynced files may be empty. */
export async function bootId(): Promise<string> {
  return await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown');
}

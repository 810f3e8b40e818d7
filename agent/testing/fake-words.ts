/** What a fake guest says that has nothing to tell. */
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import type { GuestRequest, GuestStats, Hello } from '../../guest/protocol/protocol.ts';
import { JSON_TYPE } from '../model/work.ts';

/** What a fake guest says first. */
export const FAKE_HELLO: Hello & { type: 'hello' } = {
  type: 'hello',
  protocol: [PROTOCOL.version_min, PROTOCOL.version_max],
  kernel: '6.12.0-fake',
  init: '1',
  vcpus: 1,
  page_bytes: 4096,
  memory_block_bytes: 128 * 1024 * 1024,
  boot_ms: 1,
  init_on_alloc: false,
  hotmem: false,
};

/** Figures of a guest in which nothing has happened, and which has no memory. */
export const IDLE_STATS: GuestStats = {
  taken_at_ms: 0,
  partitions: [],
  memory_total_bytes: 0,
  memory_free_bytes: 0,
  memory_available_bytes: 0,
  pages_migrated: 0,
  minor_faults: 0,
  oom_kills: 0,
  psi_some_us: 0,
  psi_full_us: 0,
  cpu_system_ms: 0,
  cpu_user_ms: 0,
};

/** A program that serves HTTP: tells what it was asked, with a status of its own. */
export function servedHttp(
  at_ms: number,
  http: NonNullable<Extract<GuestRequest, { type: 'invoke' }>['http']>,
  attached: Uint8Array,
): { readonly result: object; readonly attached: Buffer } {
  const stamps = { started_at_ms: at_ms, first_byte_at_ms: at_ms, finished_at_ms: at_ms };
  const fields = 'Set-Cookie: a=1\nSet-Cookie: b=2\nTransfer-Encoding: chunked\nno field';
  const body = Buffer.from(attached).toString('utf8');
  return {
    result: { ...stamps, wall_ms: 0, content_type: JSON_TYPE, status: 418, fields },
    attached: Buffer.from(JSON.stringify({ ...http, body })),
  };
}

type Partition = GuestStats['partitions'][number];

/** What is in use of a region: of one that is no partition it is told where it is a node. */
export function fakeUse(
  hotmem: boolean,
  bytes: number | undefined,
  peak_bytes: number,
  plugged_bytes: number,
): Pick<Partition, 'state' | 'used_bytes' | 'peak_bytes'> {
  const is_known = bytes !== undefined;
  if (hotmem) {
    const tail = is_known && { free_tail_bytes: Math.max(0, plugged_bytes - bytes) };
    return { state: 'ready', used_bytes: bytes ?? 0, peak_bytes, ...tail };
  }
  const of_node = is_known && { node_used_bytes: bytes };
  return { state: 'stock', used_bytes: 0, peak_bytes: 0, ...of_node };
}

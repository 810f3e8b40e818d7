/** What virtio-mem devices of QEMU answered to the requests of a guest, from QEMU's trace. */
import { readFile } from 'node:fs/promises';
import { qemuFiles } from '../../hypervisor-client/qemu/layout.ts';

/** Makes QEMU write the trace. */
export const ANSWERS_TRACE = ['-trace', 'virtio_mem_send_response'] as const;

export interface Answers {
  readonly ack: number;
  /** The guest asked for what is not wanted any more. */
  readonly nack: number;
  readonly busy: number;
  /** The guest asked for what makes no sense. */
  readonly error: number;
}

export async function answersOf(run_dir: string): Promise<Answers> {
  return countAnswers(await readFile(qemuFiles(run_dir).stderr_path, 'utf8'));
}

/** Pure. Types as in linux/virtio_mem.h, VIRTIO_MEM_RESP_*. */
export function countAnswers(trace: string): Answers {
  const types = [...trace.matchAll(/virtio_mem_send_response type=(\d)/g)].map(([, type]) => type);
  const count = (wanted: string): number => types.filter((type) => type === wanted).length;
  return { ack: count('0'), nack: count('1'), busy: count('2'), error: count('3') };
}

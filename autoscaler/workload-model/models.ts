/**
 * Named memory models. The 2021 trace has no memory sizes, so every size comes from one of these,
 * named in the manifest, never from a constant in the code.
 */
import { MIB } from '../../base/units.ts';

/** One kind of function of a model. */
export interface FunctionProfile {
  readonly name: string;
  /** Memory limit of one instance, before scaling. */
  readonly limit_bytes: number;
  /** vCPUs of one instance. */
  readonly vcpu_share: number;
}

export interface MemoryModel {
  readonly name: string;
  readonly source: string;
  readonly profiles: readonly FunctionProfile[];
}

/**
 * The four functions of the HotMem paper (Squeezy, arXiv 2411.12893v2, evaluation set-up): CNN,
 * Bert, BFS and HTML with their memory limits and vCPU shares, each limit sized for one instance.
 * The paper maps arrival patterns to functions at random and does not publish the mapping.
 */
export const HOTMEM_PAPER: MemoryModel = {
  name: 'hotmem-paper',
  source: 'HotMem (Squeezy), arXiv 2411.12893v2, evaluation set-up',
  profiles: [
    { name: 'cnn', limit_bytes: 768 * MIB, vcpu_share: 1 },
    { name: 'bert', limit_bytes: 1536 * MIB, vcpu_share: 1 },
    { name: 'bfs', limit_bytes: 768 * MIB, vcpu_share: 1 },
    { name: 'html', limit_bytes: 768 * MIB, vcpu_share: 0.25 },
  ],
};

export const MEMORY_MODELS: ReadonlyMap<string, MemoryModel> = new Map([
  [HOTMEM_PAPER.name, HOTMEM_PAPER],
]);

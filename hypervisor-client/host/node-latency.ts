/**
 * How long a load from memory of a node takes here: a chain of loads, each of whose addresses the
 * one before it tells, through more memory than caches hold, bound to the node
 * (set_mempolicy(2)). From the CPUs of one node; as programs feel it, so TLB misses are part of it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MIB } from '../../base/units.ts';
import { seededRandom } from '../../base/random.ts';

export interface NodeLatency {
  readonly node: number;
  /** Of one load, the median of the rounds. */
  readonly latency_ns: number;
  /** The least and the most of them. */
  readonly least_ns: number;
  readonly most_ns: number;
}

/** More than a last-level cache. */
const CHASED_BYTES = 128 * MIB;
const LINE_BYTES = 64;
const WORD_BYTES = 4;
const LOADS = 500_000;
const ROUNDS = 5;
const NS_PER_US = 1_000;
const SEED = 1;

const MPOL_DEFAULT = 0;
const MPOL_BIND = 2;
const SET_MEMPOLICY: Readonly<Record<string, number>> = { x64: 238, arm64: 237 };
/** Bits of a mask of nodes, and of CPUs. */
const MASK_BITS = 1_024;

interface Kernel {
  /** Memory that this thread touches first comes from that node; null: from any. */
  readonly bind: (node: number | null) => boolean;
  readonly runOn: (cpus: readonly number[]) => boolean;
}

async function openKernel(): Promise<Kernel | null> {
  const number = SET_MEMPOLICY[process.arch];
  if (process.platform !== 'linux' || number === undefined) return null;
  try {
    const { default: koffi } = await import('koffi');
    const libc = koffi.load('libc.so.6');
    const setPolicy = libc.func(
      'long syscall(long n, long mode, uint8_t *mask, unsigned long bits)',
    );
    const setAffinity = libc.func('int sched_setaffinity(int pid, size_t size, uint8_t *mask)');
    return {
      bind: (node) =>
        node === null
          ? setPolicy(number, MPOL_DEFAULT, null, 0) === 0
          : setPolicy(number, MPOL_BIND, maskOf([node]), MASK_BITS + 1) === 0,
      runOn: (cpus) => setAffinity(0, MASK_BITS / 8, maskOf(cpus)) === 0,
    };
  } catch {
    return null;
  }
}

function maskOf(bits: readonly number[]): Buffer {
  const mask = Buffer.alloc(MASK_BITS / 8);
  for (const bit of bits) mask[bit >> 3] = (mask[bit >> 3] ?? 0) | (1 << (bit & 7));
  return mask;
}

/** `0-2,7` as numbers. Pure. */
export function cpuNumbers(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter(Boolean)
    .flatMap((part) => {
      const [first = '', last = first] = part.split('-');
      const from = Number(first);
      return Array.from({ length: Number(last) - from + 1 }, (_, index) => from + index);
    });
}

/** A round through all lines of the memory in a random order (Sattolo's). */
function chainOf(random: () => number): Int32Array {
  const chain = new Int32Array(CHASED_BYTES / WORD_BYTES);
  const step = LINE_BYTES / WORD_BYTES;
  const lines = chain.length / step;
  for (let line = 0; line < lines; line += 1) chain[line * step] = line * step;
  for (let line = lines - 1; line > 0; line -= 1) {
    const other = Math.floor(random() * line) * step;
    const own = chain[line * step] ?? 0;
    chain[line * step] = chain[other] ?? 0;
    chain[other] = own;
  }
  return chain;
}

function threadCpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** In CPU time of this thread: that it waited for a CPU is not the memory's. */
function chaseNs(chain: Int32Array, from: number): { readonly ns: number; readonly at: number } {
  let at = from;
  const began_us = threadCpuUs();
  for (let load = 0; load < LOADS; load += 1) at = chain[at] ?? 0;
  return { ns: ((threadCpuUs() - began_us) * NS_PER_US) / LOADS, at };
}

/**
 * Latencies of these nodes, rounds interleaved. Null: this host does not let it be measured.
 * `cpus_of`: the node on whose CPUs it runs.
 */
export async function measureNodes(
  nodes: readonly number[],
  cpus_of: number,
  sys_root = '/sys',
): Promise<readonly NodeLatency[] | null> {
  const kernel = await openKernel();
  if (!kernel) return null;
  const path = join(sys_root, 'devices', 'system', 'node', `node${cpus_of}`, 'cpulist');
  const cpus = cpuNumbers(readFileSync(path, 'latin1'));
  if (cpus.length === 0 || !kernel.runOn(cpus)) return null;
  const chains: Int32Array[] = [];
  for (const node of nodes) {
    if (!kernel.bind(node)) return null;
    chains.push(chainOf(seededRandom(SEED)));
  }
  kernel.bind(null);
  const at = nodes.map(() => 0);
  const seen = nodes.map((): number[] => []);
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [index, chain] of chains.entries()) {
      const told = chaseNs(chain, at[index] ?? 0);
      at[index] = told.at;
      // The first one warms up whatever compiles the loop.
      if (round > 0) seen[index]?.push(told.ns);
    }
  }
  return nodes.map((node, index) => {
    const sorted = (seen[index] ?? []).toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
    return { node, latency_ns: median, least_ns: sorted[0] ?? 0, most_ns: sorted.at(-1) ?? 0 };
  });
}

/** Every option of `hotplane replay` with its default and meaning; one default is the host's. */
import { availableParallelism } from 'node:os';
import { MECHANISMS } from '../../agent/model/mechanism.ts';
import { PAPER_KEEP_ALIVE_S } from '../policy/fixed-keep-alive.ts';

export interface ReplayOption {
  readonly value: string;
  readonly default?: string;
  readonly summary: string;
}

/** Every option with its default and meaning; `hotplane replay --help` prints this. */
export const REPLAY_OPTIONS = {
  trace: {
    value: 'FILE',
    summary:
      'a trace as published (see trace inspect); several files, with commas, are one; ' +
      'required without --from',
  },
  out: {
    value: 'DIR',
    summary: 'result folder; must not hold results yet; required without --from',
  },
  from: {
    value: 'DIR',
    summary: 'repeat the run of this result folder: its options, but for those given here',
  },
  begin: {
    value: 'SEC',
    default: '0',
    summary: "of the trace's time: what arrives before is left out",
  },
  duration: { value: 'SEC', summary: "of the trace's time from --begin on (default: to its end)" },
  mechanism: {
    value: 'LIST',
    default: 'static,virtio-mem',
    summary: `comma-separated, replayed in turn: ${MECHANISMS.names.join(', ')}`,
  },
  speedup: {
    value: 'S',
    default: '1',
    summary: 'divides gaps, durations, keep-alive; auto[:LEAST-MOST]: by what this machine carries',
  },
  'warm-up': {
    value: 'SEC',
    default: '0',
    summary: "of the run's time: calls in it are made and recorded, and counted in no figure",
  },
  'gap-scale': { value: 'F', default: '1', summary: 'multiplies the gaps between arrivals alone' },
  'duration-scale': { value: 'F', default: '1', summary: 'multiplies durations alone' },
  only: { value: 'LIST', summary: 'functions and apps by name, or by the start of it' },
  trigger: { value: 'LIST', summary: 'functions with these triggers, e.g. http,timer' },
  percentile: {
    value: 'A-B',
    summary: 'functions by their number of calls, of all: 0-50 the half called least',
  },
  functions: {
    value: 'K',
    default: '4',
    summary:
      'the K most invoked functions, of those chosen at most all; real: 4, as with --work real',
  },
  work: {
    value: 'KIND',
    default: 'emulated',
    summary: 'emulated, or real: programs of images/functions that take about as long',
  },
  group: {
    value: 'HOW',
    default: 'function',
    summary: 'what gets a VM: each function, or each app with all its functions',
  },
  concurrency: {
    value: 'N',
    default: 'peak',
    summary: 'most instances of one function VM; peak: what each needs for nobody to wait',
  },
  'keep-alive': {
    value: 'SEC',
    default: String(PAPER_KEEP_ALIVE_S),
    summary: "in the trace's time, before --speedup",
  },
  'memory-model': { value: 'NAME', default: 'hotmem-paper', summary: 'where sizes come from' },
  'memory-map': {
    value: 'HOW',
    default: 'rank',
    summary: 'which function gets which size: rank, or random (by --seed)',
  },
  'memory-scale': {
    value: 'F',
    default: '1',
    summary: 'multiplies every memory limit, rounded up to 128 MiB',
  },
  'touched-share': {
    value: 'F',
    default: '0.75',
    summary: 'share of the limit an invocation touches as anonymous memory',
  },
  'file-share': { value: 'F', default: '0.05', summary: 'share of the limit mapped from files' },
  'cpu-share': { value: 'F', default: '0.05', summary: 'share of each duration that is computed' },
  baseline: {
    value: 'SIZE',
    summary: 'memory of an instance at its start, which then follows its use (not static)',
  },
  increment: { value: 'SIZE', summary: 'one step of growth; either of the two makes it follow' },
  course: {
    value: 'NAME',
    default: 'flat',
    summary: 'memory during an invocation: flat, or train (load, split, train, validate)',
  },
  'max-vcpus': {
    value: 'N',
    default: String(Math.min(2, availableParallelism())),
    summary: 'upper bound of the vCPUs of a VM (vCPU share x N below it)',
  },
  'boot-memory': {
    value: 'SIZE',
    default: '256MiB',
    summary: 'ordinary memory of a VM, before memory maps and file cache',
  },
  backing: {
    value: 'KIND',
    default: 'anonymous',
    summary: 'anonymous, memfd or huge memory of the VMM',
  },
  'init-on-alloc': { value: '0|1', default: '0', summary: 'guest kernel zeroes at allocation' },
  'guest-huge-pages': {
    value: '0|1',
    default: '0',
    summary: 'transparent huge pages in the guest',
  },
  'guest-kernel': {
    value: 'NAME',
    default: 'series',
    summary: 'of static, virtio-mem, numa: series (one kernel for all, switched off) or untouched',
  },
  vmm: { value: 'NAME', default: 'auto', summary: 'passed to the agent that is started' },
  seed: { value: 'X', default: '1', summary: 'for everything random; recorded in the manifest' },
  fail: {
    value: 'LIST',
    summary: 'bring failures about: kill-vmm, stall-vmm or kill-agent, e.g. kill-vmm@5/1',
  },
  rounds: {
    value: 'R',
    default: '1',
    summary: 'replay all of it R times, each round beginning with another mechanism',
  },
  policy: {
    value: 'NAME',
    summary: 'who decides on starts, stops and sizes; passed to the agent that is started',
  },
  agents: {
    value: 'N',
    summary: 'start so many agents, each with an equal part of --host-limit; without it one',
  },
  agent: { value: 'SOCKET', summary: 'use a running agent instead of starting one' },
  'host-limit': {
    value: 'SIZE',
    summary: 'most host memory of all VMs; passed to the agent that is started',
  },
} as const satisfies Record<string, ReplayOption>;

export type ReplayOptionName = keyof typeof REPLAY_OPTIONS;

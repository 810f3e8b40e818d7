/**
 * What the project promises, held against one run. Every figure is computed from the run's own
 * lines; what the run did not measure is said to be not measured, never assumed. Pure.
 */
import { boundsOf } from '../../../base/number-list.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { BASE_CONDITION, type BenchMechanism, type Condition, REFERENCE } from '../plan/cell.ts';
import { offChecks, attachedChecks } from './checks-cost.ts';
import { atLeast, atMost, type Check, intervalText, shown } from '../../check.ts';
import { neighbourCheck } from '../../neighbour.ts';
import type { BenchData, RequestKind } from '../results/records.ts';
import { estimateCell } from './hardware-counts.ts';
import {
  afterAccepted,
  costs,
  floorBacking,
  floorOf,
  knownOf,
  neighbourLatencies,
  operationsOf,
  reached,
} from './select.ts';
import { median, ratioOfMedians } from '../../statistics.ts';

const MIDDLE = 512 * MIB;
const LARGE = 2 * GIB;
const SMALL = 128 * MIB;

const at = (region_bytes: number, other: Partial<Condition> = {}): Partial<Condition> => ({
  ...BASE_CONDITION,
  region_bytes,
  ...other,
});

/** All promises, in the order in which they are shown. */
export function checkAll(data: BenchData): Check[] {
  const { seed } = data.manifest.plan;
  return [
    migratesNothing(data),
    allDone(data),
    faster(data, 'virtio-mem', MIDDLE, 200, seed),
    faster(data, 'virtio-mem', LARGE, 400, seed),
    faster(data, 'numa', MIDDLE, 8, seed),
    faster(data, 'numa', LARGE, 12, seed),
    floorRatio(data, 'anonymous', 2),
    floorRatio(data, 'memfd', 1.2),
    floorDistance(data),
    flatOverOccupancy(data),
    cpuGrowth(data),
    oneRequest(data),
    plugExcess(data, 'first-plug', 'first plug, the memory map added ahead'),
    plugExcess(data, 'replug', 'replug'),
    neighbourLatency(data, 'function'),
    neighbourLatency(data, 'short'),
    ...offChecks(data),
    ...attachedChecks(data),
    observersAgree(data),
  ];
}

function migratesNothing(data: BenchData): Check {
  const counts = knownOf(
    data.operations
      .filter(({ cell }) => cell.mechanism === REFERENCE)
      .map((one) => one.pages_migrated),
  );
  const most = counts.length === 0 ? null : boundsOf(counts).high;
  return atMost('hotmem-migrates-nothing', 'pages migrated by any hotmem operation', {
    unit: 'pages',
    target: 0,
    measured: most,
    detail: ofSample('most of ', counts.length),
  });
}

/** An operation without an end has no time, so it would be missing from every median. */
function allDone(data: BenchData): Check {
  const operations = data.operations.filter(({ cell }) => cell.mechanism === REFERENCE);
  const left = operations.filter(({ outcome }) => outcome !== 'done').length;
  return atMost('hotmem-all-done', 'hotmem operations that did not end as done', {
    unit: 'operations',
    target: 0,
    measured: operations.length === 0 ? null : left,
    detail: ofSample('of ', operations.length),
  });
}

function faster(
  data: BenchData,
  other: BenchMechanism,
  region_bytes: number,
  target: number,
  seed: number,
): Check {
  const size = region_bytes / MIB;
  const times = (mechanism: BenchMechanism): number[] =>
    reached(
      operationsOf(data, { kind: 'unplug', mechanism, condition: at(region_bytes) }),
      'plugged_ms',
    );
  const ratio = ratioOfMedians(times(other), times('hotmem'), seed);
  return atLeast(`faster-than-${other}-${size}`, `unplug time of ${size} MiB, ${other} / hotmem`, {
    unit: 'times',
    target,
    measured: ratio?.ratio ?? null,
    detail: ratio ? `${intervalText(ratio)}${estimateText(data, other, region_bytes)}` : '',
  });
}

/** Beside an emulated ratio, what it may be on hardware. */
function estimateText(data: BenchData, mechanism: BenchMechanism, region_bytes: number): string {
  const cell = { mechanism, ...BASE_CONDITION, region_bytes };
  const times = estimateCell(data, cell)?.times_hotmem;
  return times ? `; estimated on hardware: ${shown(times.low)} to ${shown(times.high)}` : '';
}

function floorRatio(data: BenchData, backing: Condition['backing'], target: number): Check {
  const condition = at(LARGE, { backing });
  const wanted = backing === 'memfd' ? 'memfd' : 'anonymous-huge';
  const pages = backing === 'memfd' ? '4 KiB (memfd)' : 'huge';
  const had = floorBacking(data, condition);
  const floor = had === wanted ? floorOf(data, wanted, LARGE) : [];
  const times = reached(
    operationsOf(data, { kind: 'unplug', mechanism: 'hotmem', condition }),
    'plugged_ms',
  );
  const ratio = ratioOfMedians(times, floor, data.manifest.plan.seed);
  return atMost(`floor-2g-${backing}`, `hotmem unplug of 2 GiB / floor, ${pages} host pages`, {
    unit: 'times',
    target,
    measured: ratio?.ratio ?? null,
    detail: ratio
      ? `${shown(median(times))} ms / ${shown(median(floor))} ms, n = ${ratio.n.join(' and ')}`
      : had !== null && had !== wanted
        ? `the host gave ${had} pages`
        : '',
  });
}

function floorDistance(data: BenchData): Check {
  const condition = at(MIDDLE);
  const backing = floorBacking(data, condition);
  const floor = backing ? median(floorOf(data, backing, MIDDLE)) : null;
  const times = reached(
    operationsOf(data, { kind: 'unplug', mechanism: 'hotmem', condition }),
    'plugged_ms',
  );
  const time = median(times);
  return atMost('floor-512', 'hotmem unplug of 512 MiB, more than the floor', {
    unit: 'ms',
    target: 3,
    measured: time === null || floor === null ? null : time - floor,
    detail:
      time === null || floor === null
        ? ''
        : `${shown(time)} ms - ${shown(floor)} ms (${backing}), n = ${times.length}`,
  });
}

function flatOverOccupancy(data: BenchData): Check {
  const medians = [0, 25, 50, 75, 95].map((occupancy_percent) => {
    const condition = at(LARGE, { occupancy_percent });
    const operations = operationsOf(data, { kind: 'unplug', mechanism: 'hotmem', condition });
    return median(reached(operations, 'plugged_ms'));
  });
  const have = knownOf(medians);
  const complete = have.length === medians.length;
  return atMost('flat-over-occupancy', 'hotmem unplug of 2 GiB, slowest / fastest occupancy', {
    unit: 'times',
    target: 1.3,
    measured: complete ? boundsOf(have).high / boundsOf(have).low : null,
    detail: complete ? `medians at 0, 25, 50, 75, 95 %: ${have.map(shown).join(', ')} ms` : '',
  });
}

/**
 * By instructions: a guest's CPU clock runs on while the host works for it in an exit, so time
 * would show the host's discard here, which grows with the size by nature.
 */
function cpuGrowth(data: BenchData): Check {
  const work = (region_bytes: number): number[] =>
    costs(data, {
      part: 'attached-counted',
      variant: 'attached',
      metric: 'unplug',
      threads: 1,
      region_bytes,
    });
  const ratio = ratioOfMedians(work(LARGE), work(SMALL), data.manifest.plan.seed);
  return atMost('cpu-growth', 'guest instructions of a hotmem unplug, 2 GiB / 128 MiB', {
    unit: 'times',
    target: 2,
    measured: ratio?.ratio ?? null,
    detail: ratio
      ? `${shown(median(work(LARGE)))} / ${shown(median(work(SMALL)))} instructions`
      : '',
  });
}

function oneRequest(data: BenchData): Check {
  const operations = operationsOf(data, { kind: 'unplug', mechanism: 'hotmem' });
  const counts = knownOf(operations.map((one) => one.vmm_requests));
  return atMost('one-request', 'VMM requests of one hotmem unplug', {
    unit: 'requests',
    target: 1,
    measured: counts.length === 0 ? null : boundsOf(counts).high,
    detail: ofSample('most of ', counts.length),
  });
}

function plugExcess(data: BenchData, kind: 'first-plug' | 'replug', title: string): Check {
  const filter = { kind, mechanism: 'hotmem', condition: BASE_CONDITION } as const;
  const times = afterAccepted(operationsOf(data, filter));
  return atMost(`${kind}-excess`, `hotmem ${title}: more than the VMM's own part`, {
    unit: 'ms',
    target: 3,
    measured: median(times),
    detail: ofSample('from accepted to plugged, all sizes, ', times.length),
  });
}

/** Against the control of quiet time, not all of it: see shamWindows(). */
function neighbourLatency(data: BenchData, request: RequestKind): Check {
  const samples = {
    busy_ms: neighbourLatencies(data, 'hotmem', request, 'busy_ms'),
    quiet_ms: neighbourLatencies(data, 'hotmem', request, 'sham_ms'),
  };
  const title = `a neighbour's p99 during hotmem unplugs / quiet, ${request} requests`;
  return neighbourCheck(`neighbour-p99-${request}`, title, samples, data.manifest.plan.seed);
}

function observersAgree(data: BenchData): Check {
  const seen = knownOf(data.operations.map((one) => one.observers));
  return atMost('observers-agree', 'operations after which VMM, guest and host disagree', {
    unit: 'operations',
    target: 0,
    measured: seen.length === 0 ? null : seen.filter(({ agree }) => !agree).length,
    detail: ofSample('all mechanisms, ', seen.length),
  });
}

const ofSample = (what: string, n: number): string => (n === 0 ? '' : `${what}n = ${n}`);

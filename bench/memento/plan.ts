/** Which functions there are in which agent, and which trial comes when. Pure. */
import type { FunctionProgram } from '../../agent/model/program.ts';
import { PLAIN_SPEC } from '../../agent/model/spec.ts';
import { emulated, JSON_TYPE } from '../../agent/model/work.ts';
import type { FunctionSpec, InvokeRequest } from '../../autoscaler/replay/agent-api.ts';
import { MIB } from '../../base/units.ts';
import { agentOf, hasArena, type MementoArm } from './arms.ts';
import type { MementoOptions } from './options.ts';
import { type StartKind, STARTS, type Subject } from './subjects.ts';

export const MEMENTO_MECHANISM = 'hotmem';
/** Nothing ends by time here. */
const HOUR_MS = 3_600_000;
const BOOT_BYTES = 256 * MIB;
/** Below 512 MiB Linux leaves transparent huge pages off, whatever its command line says. */
const HUGE_BOOT_BYTES = 768 * MIB;
/** What the emulated function has beside what it is told to touch. */
export const OWN_BYTES = 24 * MIB;
const REAL_BYTES = 256 * MIB;
const WORKLOAD = '/bin/workload';

/** One call of one function in one arm. */
export interface Trial {
  readonly round: number;
  readonly subject: Subject;
  readonly arm: MementoArm;
  readonly start: StartKind;
}

/** A function in an agent: of which there is one for each set of options. */
export interface MementoFunction {
  readonly agent: string;
  readonly subject: Subject;
  readonly arena: boolean;
}

export const agentKey = (arm: MementoArm): string => agentOf(arm).join(' ');

/** An arena is of the emulated function alone: of a real one `all` is all but that. */
const takesArm = ({ real }: Subject, { name }: MementoArm): boolean =>
  real === null || name !== 'arena';

export function mementoFunction({ subject, arm }: Pick<Trial, 'subject' | 'arm'>): MementoFunction {
  return { agent: agentKey(arm), subject, arena: subject.real === null && hasArena(arm) };
}

export const mementoName = ({ subject, arena }: MementoFunction): string =>
  arena ? `${subject.name}-arena` : subject.name;

/** Functions of an agent, each once. */
export function functionsOf(
  { arms, subjects }: Pick<MementoOptions, 'arms' | 'subjects'>,
  agent: string,
): MementoFunction[] {
  const all = subjects.flatMap((subject) =>
    arms.filter((arm) => takesArm(subject, arm)).map((arm) => mementoFunction({ subject, arm })),
  );
  const own = all.filter((one) => one.agent === agent);
  return own.filter(
    (one, at) => own.findIndex((other) => mementoName(other) === mementoName(one)) === at,
  );
}

/** Arms take turns; every second round runs backwards, so that drift hits all alike. */
export function trialsOf({ arms, subjects, rounds }: MementoOptions): Trial[] {
  return Array.from({ length: rounds }, (_, index) => {
    const forward = subjects.flatMap((subject) =>
      STARTS.flatMap((start) =>
        arms
          .filter((arm) => takesArm(subject, arm))
          .map((arm) => ({ round: index + 1, subject, arm, start })),
      ),
    );
    return index % 2 === 0 ? forward : forward.toReversed();
  }).flat();
}

/** `program`: of a real function. */
export function mementoSpecOf(
  one: MementoFunction,
  { bytes }: Pick<MementoOptions, 'bytes'>,
  program: FunctionProgram | null,
): FunctionSpec {
  const { subject, arena } = one;
  return {
    mechanism: MEMENTO_MECHANISM,
    ...PLAIN_SPEC,
    name: mementoName(one),
    limit_bytes: subject.real ? REAL_BYTES : bytes + OWN_BYTES,
    concurrency: 1,
    vcpus: 1,
    boot_bytes: subject.huge ? HUGE_BOOT_BYTES : BOOT_BYTES,
    keep_alive_ms: HOUR_MS,
    guest_huge_pages: subject.huge,
    argv: arena ? [WORKLOAD, `HOTPLANE_ARENA_BYTES=${bytes}`] : [],
    program,
  };
}

export function callOfTrial(
  { subject }: Trial,
  { bytes, seed }: Pick<MementoOptions, 'bytes' | 'seed'>,
): Pick<InvokeRequest, 'payload' | 'content_type' | 'timeout_ms' | 'http'> {
  const { real } = subject;
  if (!real) return emulated({ anonymous_bytes: bytes, file_bytes: 0, cpu_ms: 0, wall_ms: 0 });
  const payload = Buffer.from(JSON.stringify({ seed, size: real.size }));
  return { payload, content_type: JSON_TYPE, timeout_ms: null, http: null };
}

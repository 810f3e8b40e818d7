/** A decision core to be measured: this one, or that of another checkout of the project. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { emptyHost } from '../../agent/model/state.ts';
import { step } from '../../agent/core/step.ts';
import { LIMITS } from '../../base/limits.ts';
import { badOption } from '../errors.ts';

/** The whole of a core's surface that is used: its events and actions say the rest. */
export interface CoreUnderTest {
  readonly label: string;
  readonly step: typeof step;
  readonly emptyHost: typeof emptyHost;
}

/** Where the first state of a host was and is made, newest first. */
const STATE_FILES = ['agent/model/state.ts', 'agent/core/state.ts'];
const STEP_FILE = 'agent/core/step.ts';
const LIMITS_FILE = 'base/limits.ts';

/** The core of this program. */
export function ownCore(): CoreUnderTest {
  allowMany(LIMITS);
  return { label: 'this core', step, emptyHost };
}

/** The core in another checkout. Throws HP_BENCH_OPTION when there is none, or it does not load. */
export async function coreOf(folder: string): Promise<CoreUnderTest> {
  const at = (file: string): string => join(resolve(folder), file);
  const state_file = STATE_FILES.find((file) => existsSync(at(file)));
  if (state_file === undefined || !existsSync(at(STEP_FILE))) {
    throw badOption('against', `${folder} has no ${STEP_FILE}`, 'bench core');
  }
  try {
    const other: Pick<CoreUnderTest, 'step'> = await load(at(STEP_FILE));
    const state: Pick<CoreUnderTest, 'emptyHost'> = await load(at(state_file));
    if (existsSync(at(LIMITS_FILE))) allowMany((await load(at(LIMITS_FILE))).LIMITS);
    return { label: folder, step: other.step, emptyHost: state.emptyHost };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw badOption('against', `the core of ${folder} does not load: ${why}`, 'bench core');
  }
}

async function load(path: string) {
  return await import(pathToFileURL(path).href);
}

/** An agent refuses more functions than this; what they would cost is asked here. */
function allowMany(limits: object): void {
  Object.assign(limits, { vms_per_host: Number.MAX_SAFE_INTEGER });
}

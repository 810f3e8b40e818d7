/** A status for the record: everybody in it was heard, and guest and VMM say the same. */
import test from 'ava';
import { heardStatus } from '../../../agent/api/heard-status.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import type { FunctionStatus, StatusResponse } from '../../../agent/model/messages.ts';
import { NO_STATUS } from '../../../agent/model/status-parts.ts';
import { MIB } from '../../../base/units.ts';
import { FakeClock } from '../../autoscaler/fake-clock.ts';
import { silentOf, statusOf } from '../../autoscaler/fake-vm.ts';
import { specOf } from '../core/world.ts';

const STATUS = statusOf({
  spec: specOf('f'),
  vm_id: 'vm1',
  plugged: [0],
  resident: [0],
  instances: [],
  queue: [],
  starting: 0,
  started: 1,
  stopping: 0,
});
const SILENT = silentOf(STATUS);
/** The guest still counts what its VMM has taken. */
const BEHIND: FunctionStatus = {
  ...STATUS,
  regions: STATUS.regions.map((one) => ({ ...one, guest_plugged_bytes: 128 * MIB })),
};

/** What is told at last, how often was asked, and how long that took. */
async function heardOf(looks: readonly FunctionStatus[]) {
  const clock = new FakeClock();
  const begin_ms = clock.nowMs();
  let asked = 0;
  const status = async (): Promise<StatusResponse> => {
    const one = looks[Math.min(asked, looks.length - 1)] ?? STATUS;
    asked += 1;
    return { ...NO_STATUS, functions: [one], version: '', pid: 0 };
  };
  const { signal } = new AbortController();
  const { functions } = await heardStatus({ status }, 'f', { clock, signal });
  return { told: functions[0], asked, took_ms: clock.nowMs() - begin_ms };
}

test('whom nobody has to wait for is asked once', async (t) => {
  t.like(await heardOf([STATUS]), { told: STATUS, asked: 1, took_ms: 0 });
});

test('a guest that is late is asked again, and named when it stays silent', async (t) => {
  t.like(await heardOf([SILENT, SILENT, STATUS]), { told: STATUS, asked: 3 });
  const never = await heardOf([SILENT]);
  t.is(never.told, SILENT);
  t.is(never.took_ms, AGENT_LIMITS.heard_status_ms);
});

test('a guest that counts later than its VMM is asked again, and told when it stays so', async (t) => {
  t.like(await heardOf([BEHIND, BEHIND, STATUS]), { told: STATUS, asked: 3 });
  const never = await heardOf([BEHIND]);
  t.is(never.told, BEHIND, 'a disagreement is told as it is');
  t.is(never.took_ms, AGENT_LIMITS.observers_agree_ms);
});

test('who was heard is not given for a later look at which somebody was late', async (t) => {
  t.is((await heardOf([BEHIND, SILENT])).told, BEHIND);
  t.is((await heardOf([SILENT, BEHIND, SILENT, STATUS])).told, STATUS);
});

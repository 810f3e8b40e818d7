/** Pressure: what the host says of its memory is noted, and memory goes back to it in one order. */
import { formatBytes } from '../../base/units.ts';
import { type HostMemoryTold, isPressed, nextPressure } from '../model/pressure.ts';
import { type Draft, editFunction } from './draft.ts';
import { comingBytes, type GivenBack, giveBack } from './give-way.ts';

/** Null: the host does not tell it any more. */
export function noteHostMemory(draft: Draft, told: HostMemoryTold | null): void {
  const before = draft.pressure;
  draft.told = told;
  draft.pressure = nextPressure(before, told, draft.config, draft.now_ms);
  const { host_keep_bytes } = draft.config;
  let back: GivenBack = { regions: 0, instances: 0, bytes: 0 };
  if (told && host_keep_bytes !== null && isPressed(draft.pressure, 'reserve')) {
    const lacked_bytes = host_keep_bytes - told.available_bytes - comingBytes(draft, null);
    const idle_bytes = isPressed(draft.pressure, 'idle') ? lacked_bytes : 0;
    back = giveBack(draft, idle_bytes);
  }
  if (draft.pressure.level === before.level && back.bytes === 0) return;
  if (isPressed(before, 'reserve') && !isPressed(draft.pressure, 'reserve')) fillPools(draft);
  report(draft, told, back);
}

/** Nothing else tells functions that what they want ready may be made so again. */
function fillPools(draft: Draft): void {
  for (const { spec } of draft.functions.all()) editFunction(draft, spec.name);
}

function report(draft: Draft, told: HostMemoryTold | null, back: GivenBack): void {
  const { level } = draft.pressure;
  const { host_keep_bytes } = draft.config;
  const has =
    told && host_keep_bytes !== null
      ? `the host has ${formatBytes(told.available_bytes)} available of the ` +
        `${formatBytes(host_keep_bytes)} that it keeps`
      : 'the host tells nothing of its memory';
  draft.actions.push({
    type: 'report',
    level: 'warn',
    code: 'HP_AGENT_HOST_PRESSURE',
    function: '',
    vm_id: '',
    message:
      `memory pressure '${level}': ${has}; emptied ${back.regions} regions and ended ` +
      `${back.instances} idle instances, ${formatBytes(back.bytes)}.`,
  });
}

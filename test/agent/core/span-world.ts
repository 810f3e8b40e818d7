/** A host with a function whose instances have spans, and what may be said of them. */
import type { Action } from '../../../agent/model/actions.ts';
import type { CoreConfig } from '../../../agent/model/config.ts';
import type { FoundSpan } from '../../../agent/model/named-span.ts';
import { NO_QUEUE } from '../../../agent/model/operation-queue.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { finish } from './actions.ts';
import { World } from './world.ts';

export const SPANS = [
  { name: 'data', max_bytes: 256 * MIB, host_node: null },
  { name: 'model', max_bytes: 64 * MIB, host_node: null },
];

/** One function with these spans, one busy instance; the call goes on. */
export function busy(
  limit_bytes: number = 4 * GIB,
  part: Partial<FunctionSpec> = {},
  config: Partial<CoreConfig> = {},
): World {
  const world = new World(limit_bytes, { queue: NO_QUEUE, ...config });
  world.deploy('f', 'hotmem', { keep_alive_ms: 100_000, spans: SPANS, ...part });
  finish(world);
  world.invoke('f');
  while (!world.pendingTypes().includes('invoke-instance')) world.complete(0);
  world.actions.length = 0;
  return world;
}

export const vm = (world: World) => world.vmsOf('f')[0];
export const regions = (world: World) => vm(world)?.regions ?? [];
export const instance = (world: World) => vm(world)?.instances[0]?.id ?? '';

const about = (world: World) => ({ vm_id: vm(world)?.id ?? '', instance_id: instance(world) });

export function ask(world: World, span: string, bytes: number, serial: number | null = null): void {
  world.send({ type: 'span-asked', ...about(world), span, serial, bytes, said_at_ms: null });
}

export function close(world: World, span: string, serial: number | null = null): void {
  world.send({ type: 'span-closed', ...about(world), span, serial });
}

export const resizes = (world: World) =>
  world.pending.flatMap((one) =>
    one.type === 'resize-region' ? [`${one.order.cause} ${one.order.region_id}`] : [],
  );

type Told = Extract<Action, { type: 'open-span' | 'refuse-span' }>;
export const told = (world: World): Told[] =>
  world.actions.flatMap((one) =>
    one.type === 'open-span' || one.type === 'refuse-span' ? [one] : [],
  );

/** The agent is killed, and the next one finds these spans. */
export function killed(world: World, spans: readonly Partial<FoundSpan>[] = []): void {
  const of_instance = { instance_id: instance(world), span: 'data' };
  const found: FoundSpan = { ...of_instance, serial: null, bytes: 64 * MIB, state: 'asked' };
  const vm_id = vm(world)?.id ?? '';
  const instances = [{ instance_id: instance(world), is_alive: true }];
  world.actions.length = 0;
  world.restart();
  const told_spans = spans.map((part) => ({ ...found, ...part }));
  world.pending = world.pending.filter(({ type }) => type !== 'adopt-vm');
  world.send({ type: 'vm-adopted', vm_id, instances, spans: told_spans });
}

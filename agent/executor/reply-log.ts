/** What went wrong for a caller, as a line of the log: always the same keys. */
import type { Logger } from 'pino';
import type { Reply } from '../model/actions.ts';
import type { HostEvent } from '../model/events.ts';
import type { OperationOrder } from '../model/operations.ts';
import type { Refusal } from '../model/refusals.ts';
import { errOf, type RepeatLog } from './repeat-log.ts';

/** The function an event is about, empty when it is about none. */
export function nameIn(event: HostEvent): string {
  if (event.type === 'deploy') return event.spec.name;
  return 'function' in event ? event.function : '';
}

/**
 * One line for a request that was not served, or an invocation that was refused or failed; nothing
 * for what went well. `vm_id` is null where the function is not there.
 */
export function tellReply(
  told: RepeatLog,
  log: Logger,
  asked: HostEvent,
  reply: Reply,
  vm_id: string | null,
): void {
  if ((reply.kind !== 'error' && reply.kind !== 'invoke') || !reply.failure) return;
  const { failure } = reply;
  const name = nameIn(asked);
  const about = { vm: vm_id, function: name, err: errOf(failure) };
  // Names of functions that are not there are the callers' choice: all of them are one kind.
  const kind = `${reply.kind} ${vm_id === null ? '' : name} ${failure.code}`;
  if (reply.kind === 'error') {
    const fields = { ...about, method: asked.type };
    return told.tell(kind, { log, level: 'warn', fields, text: 'a call was not served' });
  }
  const { instance_id: instance, invocation_id, outcome } = reply;
  const fields = { ...about, instance, invocation: invocation_id };
  const failed = outcome === 'failed';
  const text = failed ? 'an invocation failed' : 'an invocation was refused';
  told.tell(kind, { log, level: failed ? 'error' : 'warn', fields, text });
}

/** A plug or a growth that was not sent. */
export function tellRefusal(
  told: RepeatLog,
  log: Logger,
  order: OperationOrder,
  failure: Refusal,
): void {
  const { vm_id: vm, function: name, id: op } = order;
  const fields = { vm, function: name, op, err: errOf(failure) };
  told.tell(`permit ${name}`, { log, level: 'warn', fields, text: 'no permit for a plug' });
}

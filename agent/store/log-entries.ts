/** What of a step goes into the log: what moves memory, and what callers were told. Pure. */
import type { Action, InvokeReply } from '../model/actions.ts';
import type { HostEvent } from '../model/events.ts';
import type { LogEntry } from './journal.ts';

/** The entries of one event and of what was decided on it. */
export function logEntriesOf(
  event: HostEvent,
  actions: readonly Action[],
  at_ms: number,
): LogEntry[] {
  const entries: LogEntry[] = [];
  const add = (kind: string, entry: object): void => void entries.push({ at_ms, kind, entry });
  if (event.type === 'resized') {
    const { operation_id, result } = event;
    const { outcome, plugged_bytes, error_code } = result;
    add('ended', { operation_id, outcome, plugged_bytes, error_code });
  }
  if (event.type === 'vm-ready' || event.type === 'vm-gone')
    add(event.type, { vm_id: event.vm_id });
  for (const action of actions) {
    if (action.type === 'resize-region') {
      const { id, vm_id, region_id, cause, from_bytes, to_bytes } = action.order;
      add('began', { operation_id: id, vm_id, region_id, cause, from_bytes, to_bytes });
    } else if (action.type === 'launch-vm') {
      add('launch', { vm_id: action.vm_id, function: action.spec.name });
    } else if (action.type === 'shutdown-vm') {
      add('shutdown', { vm_id: action.vm_id, code: action.failure?.code ?? null });
    } else if (action.type === 'reply' && action.reply.kind === 'invoke') {
      add('answer', answerOf(action.request_id, action.reply));
    }
  }
  return entries;
}

function answerOf(request_id: string, reply: InvokeReply): object {
  const { invocation_id, instance_id, outcome, failure } = reply;
  return { request_id, invocation_id, instance_id, outcome, code: failure?.code ?? null };
}

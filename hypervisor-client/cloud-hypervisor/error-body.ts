/**
 * Error answers of every version turned into one coded error: plain text up to v46, a JSON array
 * of sentences (outermost first) from v47 on, and the HTTP layer's own 400 and 503, which look like
 * JSON but may hold a raw newline. Matching is by status and by the words that name a cause.
 */
import type { HotplaneError } from '../../base/errors.ts';
import { CH_LIMITS } from './limits.ts';
import { type ChErrorCode, chError } from './errors.ts';
import { member } from '../rest/json.ts';
import type { ErrorAnswer, SentState } from '../rest/server.ts';

/** The sentences of an error body, outermost first; empty for an empty body. */
export function readErrorMessages(body: string): string[] {
  const text = body.trim();
  if (text === '') return [];
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value.slice(0, CH_LIMITS.error_messages).map(toSentence);
    const inner = member(value, 'error');
    if (typeof inner === 'string') return [inner.slice(0, CH_LIMITS.error_message_chars)];
  } catch {
    // Not JSON: a text of an old version, or the HTTP layer's body with a raw newline.
  }
  const inner = /^\{\s*"error"\s*:\s*"([\s\S]*?)"?\s*\}?$/.exec(text);
  return [(inner?.[1] ?? text).slice(0, CH_LIMITS.error_message_chars)];
}

/** The error of an answer with a status of 300 or more. */
export function errorOfAnswer(answer: ErrorAnswer): HotplaneError {
  const messages = readErrorMessages(answer.body);
  const code = classify(answer.status, messages);
  const reason = messages.length > 0 ? messages.join(': ') : 'no reason given';
  return chError(code, `${answer.method} ${answer.route} answered ${answer.status}: ${reason}.`, {
    details: {
      method: answer.method,
      route: answer.route,
      status: answer.status,
      messages,
      truncated: answer.truncated,
      sent: fateOf(answer.status, code),
    },
  });
}

/** What the answer tells of the request; a server that ends may have done it, or not. */
function fateOf(status: number, code: ChErrorCode): SentState {
  if (code === 'HP_CH_CLOSED') return 'maybe';
  return status === 503 ? 'no' : 'yes';
}

/** v47+ sentences, and the names that v46 and older print of the same errors. */
const CAUSES: readonly (readonly [RegExp, ChErrorCode])[] = [
  // The thread that serves the API outlives the one that does the work by a moment.
  [/(receiving|sending) on a closed channel/, 'HP_CH_CLOSED'],
  [/requested_size are identical/, 'HP_CH_SAME_SIZE'],
  [/bigger than region_size/, 'HP_CH_TOO_BIG'],
  [/not aligned on block_size/, 'HP_CH_MISALIGNED'],
  [/below boot size|InvalidResizeBelowBootSize/, 'HP_CH_BELOW_BOOT'],
  [/No virtio-mem resizing handler|MissingVirtioMemHandler/, 'HP_CH_NOT_RESIZABLE'],
  [/backed by user defined memory regions|InvalidResizeWithMemoryZones/, 'HP_CH_NOT_RESIZABLE'],
  [/Unknown memory zone|UnknownMemoryZone|MissingZoneIdentifier/, 'HP_CH_UNKNOWN_ZONE'],
  [/specified memory zone identifier|esizing (the|a) memory zone/, 'HP_CH_UNKNOWN_ZONE'],
  [/VM is already created/, 'HP_CH_ALREADY_CREATED'],
  [/VM is not created|VM config is missing/, 'HP_CH_NOT_CREATED'],
  [/VM is not (booted|running)/, 'HP_CH_NOT_BOOTED'],
  [/identifier (as it )?is not unique|already in use/, 'HP_CH_DUPLICATE'],
  [/device corresponding to the given identifier|UnknownDeviceId/, 'HP_CH_UNKNOWN_DEVICE'],
  [/pending removed vCPU/i, 'HP_CH_PENDING'],
];

function classify(status: number, messages: readonly string[]): ChErrorCode {
  if (status === 503) return 'HP_CH_SERVER_FULL';
  if (status === 429) return 'HP_CH_PENDING';
  const text = messages.join('\n');
  for (const [pattern, code] of CAUSES) if (pattern.test(text)) return code;
  if (status === 404) return messages.length > 1 ? 'HP_CH_UNKNOWN_DEVICE' : 'HP_CH_NOT_SERVED';
  if (status === 409) return 'HP_CH_DUPLICATE';
  return status === 400 ? 'HP_CH_BAD_REQUEST' : 'HP_CH_REJECTED';
}

function toSentence(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return (text ?? '').slice(0, CH_LIMITS.error_message_chars);
}

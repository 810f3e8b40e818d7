/**
 * What is told of an error has to fit: HTTP/2 peers take 8 KiB of headers and trailers together,
 * and throw the whole answer away above it. Texts are cut here, once; the code always arrives.
 * Pure.
 */
import { cutBytes } from '../../base/cut-bytes.ts';
import type { HotplaneError } from '../../base/errors.ts';

/** Bytes of UTF-8 of the status text (each may take three on the wire), and of the trailer. */
const STATUS_BYTES = 512;
const TRAILER_BYTES = 3_072;
const MESSAGE_BYTES = 1_536;
const NEXT_BYTES = 512;
/** Of one text inside `details`. */
const DETAIL_BYTES = 128;

/** The message as the text of a gRPC status. */
export function statusText(message: string): string {
  return cutBytes(message, STATUS_BYTES);
}

/** The whole error as JSON of at most 3 KiB; details that do not fit are left out and counted. */
export function trailerText(error: HotplaneError): string {
  const { code, category } = error;
  const message = cutBytes(error.message, MESSAGE_BYTES);
  const next = cutBytes(error.next, NEXT_BYTES);
  const details: Record<string, unknown> = {};
  let left_out = 0;
  const render = (): string => JSON.stringify({ code, category, message, next, details });
  for (const [key, value] of Object.entries(error.details)) {
    details[key] = typeof value === 'string' ? cutBytes(value, DETAIL_BYTES) : value;
    if (Buffer.byteLength(render()) <= TRAILER_BYTES - DETAIL_BYTES) continue;
    delete details[key];
    left_out += 1;
  }
  if (left_out > 0) details['left_out'] = left_out;
  return render();
}

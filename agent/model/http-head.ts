/**
 * The head of an HTTP request that an invocation is, and of its answer: for programs that serve
 * HTTP themselves. What is of one connection alone is not passed on. Pure.
 */
import { z } from 'zod';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import { field, message } from './fields.ts';

/** RFC 9110, 5.6.2 and 5.5: a token, and a value without ends of lines. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t\x20-\x7e\u0080-\uffff]*$/;
const headerName = z.string().max(256).regex(TOKEN, 'must be a name of a header field');
const headerValue = z.string().regex(VALUE, 'must not hold control characters');

export const httpHeaderSchema = message('HttpHeader', {
  name: field(1, headerName),
  value: field(2, headerValue),
});
export type HttpHeader = z.infer<typeof httpHeaderSchema>;

export const httpRequestSchema = message(
  'HttpRequest',
  {
    method: field(1, z.string().max(PROTOCOL.http_method_bytes).regex(TOKEN, 'must be a method')),
    path: field(
      2,
      z
        .string()
        .max(PROTOCOL.http_path_bytes)
        .regex(/^\/[\x21-\x7e]*$/, 'must begin with / and be encoded'),
      'with its query',
    ),
    headers: field(
      3,
      z
        .array(httpHeaderSchema)
        .readonly()
        .refine((list) => bytesOf(list) <= PROTOCOL.http_head_bytes, 'are longer than 8 KiB'),
      'those of one connection, and of length and type of the payload, are left out',
    ),
  },
  'The HTTP request that an invocation is: shown to programs that serve HTTP, to no others.',
);
export type HttpRequest = z.infer<typeof httpRequestSchema>;

/** What a program that serves HTTP answered, beside its body. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: readonly HttpHeader[];
}

/** Of one connection (RFC 9110, 7.6.1), or told in another way. */
const NOT_PASSED = new Set([
  'connection',
  'content-length',
  'content-type',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** As they travel to the guest, where `"` and `\` cost a second byte. */
function bytesOf(headers: readonly HttpHeader[]): number {
  return Buffer.byteLength(JSON.stringify(linesOf(headers, '')));
}

/** Fields as they are written into a request, the payload's type among them. */
export function linesOf(headers: readonly HttpHeader[], content_type: string): string {
  const type = content_type === '' ? [] : [{ name: 'Content-Type', value: content_type }];
  return [...passedOn(headers), ...type].map(({ name, value }) => `${name}: ${value}\r\n`).join('');
}

/** Fields of an answer, `Name: value` a line; what is none is dropped: a guest may write anything. */
export function headersOf(lines: string): readonly HttpHeader[] {
  const found: HttpHeader[] = [];
  for (const line of lines.split('\n')) {
    const at = line.indexOf(': ');
    const header = { name: line.slice(0, at), value: line.slice(at + 2) };
    if (at > 0 && TOKEN.test(header.name) && VALUE.test(header.value)) found.push(header);
  }
  return passedOn(found);
}

function passedOn(headers: readonly HttpHeader[]): readonly HttpHeader[] {
  const dropped = new Set(NOT_PASSED);
  for (const { name, value } of headers) {
    if (name.toLowerCase() !== 'connection') continue;
    for (const word of value.split(',')) dropped.add(word.trim().toLowerCase());
  }
  return headers.filter(({ name }) => !dropped.has(name.toLowerCase()));
}

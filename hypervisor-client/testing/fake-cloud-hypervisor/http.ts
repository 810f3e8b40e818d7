/**
 * The server's own HTTP: requests need Content-Length, chunked is noticed and not decoded, lines
 * are at most 1,024 bytes, and what cannot be parsed gets a 400 whose body has a raw newline.
 */

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

export interface FakeAnswer {
  readonly status: number;
  readonly body: string | null;
  readonly content_type?: string;
}

const LINE_BYTES_MAX = 1_024;
const METHODS = new Set(['GET', 'PUT', 'PATCH']);

/** Thrown for input that is not a request; the connection is of no more use. */
export class ParseError extends Error {}

/** Takes bytes, gives requests, as they become whole. */
export class RequestParser {
  readonly #body_bytes_max: number;
  #pending: Buffer = Buffer.alloc(0);

  constructor(body_bytes_max: number) {
    this.#body_bytes_max = body_bytes_max;
  }

  push(chunk: Uint8Array): FakeRequest[] {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const requests: FakeRequest[] = [];
    for (;;) {
      const request = this.#next();
      if (!request) return requests;
      requests.push(request);
    }
  }

  #next(): FakeRequest | null {
    const end = this.#pending.indexOf('\r\n\r\n');
    if (end < 0) {
      this.#checkStart();
      return null;
    }
    const [start = '', ...headers] = this.#pending
      .subarray(0, end)
      .toString('latin1')
      .split('\r\n');
    const [method = '', path = '', protocol] = start.split(' ');
    if (!METHODS.has(method)) throw new ParseError('Invalid HTTP Method: Unsupported HTTP method.');
    if (protocol !== 'HTTP/1.1' && protocol !== 'HTTP/1.0') {
      throw new ParseError('Invalid HTTP Version: Unsupported HTTP version.');
    }
    let length = 0;
    for (const header of [start, ...headers]) {
      if (header.length > LINE_BYTES_MAX) throw new ParseError('Header line too long.');
      const match = /^content-length:\s*(\d+)\s*$/i.exec(header);
      if (match) length = Number(match[1]);
    }
    if (length > this.#body_bytes_max) {
      throw new ParseError(`Payload length ${length} is larger than ${this.#body_bytes_max}.`);
    }
    const from = end + 4;
    if (this.#pending.length < from + length) return null;
    const body = this.#pending.subarray(from, from + length).toString('utf8');
    this.#pending = this.#pending.subarray(from + length);
    return { method, path, body };
  }

  /** A chunk of a chunked body is taken for the start of the next request. */
  #checkStart(): void {
    const line_end = this.#pending.indexOf('\r\n');
    if (line_end < 0 && this.#pending.length > LINE_BYTES_MAX) {
      throw new ParseError('Request line too long.');
    }
    if (line_end < 0) return;
    const method = this.#pending.subarray(0, line_end).toString('latin1').split(' ')[0] ?? '';
    if (!METHODS.has(method)) throw new ParseError('Invalid HTTP Method: Unsupported HTTP method.');
  }
}

/** The answer as bytes. `length_always`: v38 leaves Content-Length out of empty answers. */
export function encodeAnswer(answer: FakeAnswer, length_always: boolean): Buffer {
  const body = answer.body ?? '';
  const lines = [
    `HTTP/1.1 ${answer.status} `,
    'Server: Cloud Hypervisor API',
    'Connection: keep-alive',
  ];
  if (answer.status !== 204 && (body !== '' || length_always)) {
    lines.push(`Content-Type: ${answer.content_type ?? 'application/json'}`);
    lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** What a connection above the tenth gets: no blank after the status, and the end. */
export const SERVER_FULL = Buffer.from(
  'HTTP/1.1 503\r\nServer: Firecracker API\r\nConnection: close\r\nContent-Length: 40\r\n\r\n' +
    '{ "error": "Too many open connections" }',
);

/** The body of the 400 for what cannot be parsed: it looks like JSON and is not. */
export function parseErrorBody(reason: string): string {
  return `{ "error": "${reason}\nAll previous unanswered requests will be dropped." }`;
}

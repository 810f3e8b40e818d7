/** One HTTP request, as any client sends it. */
import { type IncomingHttpHeaders, request, type RequestOptions } from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly allow: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

export function ask(where: RequestOptions, payload?: Uint8Array | string): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({ timeout: 30_000, agent: false, ...where }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => (body += part));
      response.once('error', reject);
      response.once('end', () => {
        const { statusCode = 0, headers } = response;
        const { 'content-type': type = '', allow } = headers;
        // Of a long body that was not wanted the rest is not sent.
        sent.destroy();
        resolve({ status: statusCode, type, body, allow, headers });
      });
    });
    sent.on('error', reject);
    sent.once('timeout', () => sent.destroy(new Error('no answer')));
    sent.end(payload);
  });
}

/** One HTTP request, as any client sends it. */
import { request, type RequestOptions } from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly allow: string | undefined;
}

export function ask(where: RequestOptions): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({ timeout: 30_000, agent: false, ...where }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => (body += part));
      response.once('error', reject);
      response.once('end', () => {
        const { statusCode = 0, headers } = response;
        const { 'content-type': type = '', allow } = headers;
        resolve({ status: statusCode, type, body, allow });
      });
    });
    sent.once('error', reject);
    sent.once('timeout', () => sent.destroy(new Error('no answer')));
    sent.end();
  });
}

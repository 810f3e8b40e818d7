// Runs an exported function of a module: node lambda.mjs MODULE.FUNCTION. A client of the AWS Lambda
// Runtime API (2018-06-01) that needs nothing but Node itself.
import http from 'node:http';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body = '', headers = {}) {
  return new Promise((resolve, reject) => {
    const url = { host, port, method, agent, path: `/2018-06-01/runtime${path}` };
    const length = Buffer.byteLength(body);
    const options = { ...url, headers: { ...headers, 'Content-Length': length } };
    const request = http.request(options, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(parts) }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function report(path, error) {
  const errorType = error?.name ?? 'Error';
  const stackTrace = String(error?.stack ?? '').split('\n').slice(1);
  const told = { errorType, errorMessage: error?.message ?? String(error), stackTrace };
  console.error(error);
  const headers = { 'Lambda-Runtime-Function-Error-Type': `Runtime.${errorType}` };
  await call('POST', path, JSON.stringify(told), headers);
}

async function load(name) {
  const dot = name.lastIndexOf('.');
  const base = join(process.env.LAMBDA_TASK_ROOT ?? process.cwd(), name.slice(0, dot));
  const path = ['.mjs', '.js', '.cjs'].map((end) => base + end).find((one) => existsSync(one));
  if (!path) throw new Error(`there is no module ${base}`);
  const loaded = await import(pathToFileURL(path).href);
  const found = loaded[name.slice(dot + 1)] ?? loaded.default?.[name.slice(dot + 1)];
  if (typeof found !== 'function') throw new Error(`${name} is no function`);
  return found;
}

const contextOf = (headers) => ({
  awsRequestId: headers['lambda-runtime-aws-request-id'],
  invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'] ?? '',
  functionName: process.env.AWS_LAMBDA_FUNCTION_NAME ?? '',
  functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION ?? '$LATEST',
  memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? '',
  getRemainingTimeInMillis: () =>
    Math.max(0, Number(headers['lambda-runtime-deadline-ms'] ?? 0) - Date.now()),
});

let handler;
try {
  handler = await load(process.argv[2] ?? process.env['_HANDLER']);
} catch (error) {
  await report('/init/error', error);
  process.exit(1);
}
for (;;) {
  const { headers, body } = await call('GET', '/invocation/next');
  const request_id = headers['lambda-runtime-aws-request-id'];
  try {
    const event = body.length > 0 ? JSON.parse(body.toString()) : null;
    const answer = JSON.stringify((await handler(event, contextOf(headers))) ?? null);
    await call('POST', `/invocation/${request_id}/response`, answer);
  } catch (error) {
    await report(`/invocation/${request_id}/error`, error);
  }
}

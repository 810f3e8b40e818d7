// A client of the Lambda Runtime API in a few lines: answers with what it was sent.
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;
console.log('started');
for (;;) {
  const next = await fetch(`${api}/invocation/next`);
  const id = next.headers.get('lambda-runtime-aws-request-id');
  const deadline_ms = Number(next.headers.get('lambda-runtime-deadline-ms'));
  const body = Buffer.from(await next.arrayBuffer());
  const headers = { 'content-type': next.headers.get('content-type') ?? '' };
  const what = body.length < 64 ? body.toString() : '';
  if (what === 'exit') process.exit(3);
  if (what === 'forget') continue;
  if (what === 'too-much') {
    const much = { method: 'POST', body: Buffer.alloc(6 * 1024 * 1024 + 1) };
    await fetch(`${api}/invocation/${id}/response`, much);
    continue;
  }
  if (what === 'other') {
    const wrong = await fetch(`${api}/invocation/nobody/response`, { method: 'POST', body });
    await fetch(`${api}/invocation/${id}/response`, { method: 'POST', body: `${wrong.status}` });
    continue;
  }
  if (what === 'throw') {
    const error = { 'lambda-runtime-function-error-type': 'TypeError' };
    const told = JSON.stringify({ errorMessage: 'no', errorType: 'TypeError' });
    await fetch(`${api}/invocation/${id}/error`, { method: 'POST', headers: error, body: told });
    continue;
  }
  if (what === 'deadline') {
    const left = `${deadline_ms - Date.now()}`;
    await fetch(`${api}/invocation/${id}/response`, { method: 'POST', body: left });
    continue;
  }
  if (what === 'shout') for (let i = 0; i < 64; i += 1) process.stdout.write('x'.repeat(1 << 20));
  await fetch(`${api}/invocation/${id}/response`, { method: 'POST', headers, body });
}

// A container program that serves HTTP itself: answers with what it was sent, or as it is told.
import { createServer } from 'node:http';

// Until somebody asks for /release.
const held = [];
const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  const what = body.length < 64 ? body.toString() : '';
  if (what === 'close') response.setHeader('connection', 'close');
  const asked = request.url === '/run' ? JSON.parse(body.toString()).value : null;
  const status = what === 'teapot' ? 418 : (asked?.status ?? 200);
  const type = request.headers['content-type'] ?? '';
  if (request.url.startsWith('/head')) {
    response.setHeader('set-cookie', ['a=1', 'b="2"']);
    if (request.url === '/head/long') response.setHeader('x-long', 'l'.repeat(5_000));
    if (request.url === '/head/early') {
      response.writeContinue();
      response.writeEarlyHints({ link: '</early>; rel=preload' });
    }
    const { method, url, headers } = request;
    const told = JSON.stringify({ method, url, headers, body: body.toString() });
    if (request.url === '/head/late') {
      response.writeHead(201, { trailer: 'x-late' }).addTrailers({ 'x-late': '1' });
      response.end(told);
    } else response.writeHead(201, { 'content-length': Buffer.byteLength(told) }).end(told);
  } else if (request.url === '/release') {
    for (const one of [...held.splice(0), response]) one.end();
  } else if (what === 'hold') {
    held.push(response);
    console.log('held');
  } else if (request.url === '/init') response.writeHead(200).end('{"ok":true}');
  else if (what === 'spans') response.end(process.env.HOTPLANE_SPANS ?? '');
  else if (what === 'drop') request.socket.destroy();
  else if (what === 'cut') {
    response.writeHead(200, { 'content-length': 9 }).write('half', () => request.socket.end());
  } else if (what === 'garbage') request.socket.end('this is no HTTP\r\n\r\n');
  else if (what === 'write') {
    process.kill(process.ppid, 'SIGSTOP');
    process.stdout.write('before\n');
    response.end('', () => process.kill(process.ppid, 'SIGCONT'));
  } else response.writeHead(status, { 'content-type': type }).end(body);
});
server.listen(Number(process.env.PORT), '127.0.0.1');

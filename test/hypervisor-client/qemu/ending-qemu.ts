/** A QEMU for tests: it greets, negotiates, and ends at the first command after that. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Of a program that only speaks QMP. It closes its connections `late_ms` before it is gone. */
const textOf = (late_ms: number): string => `#!${process.execPath}
const { createServer } = require('node:net');
const path = process.argv.map((one) => /^unix:(.*?),/.exec(one)?.[1]).find((one) => one);
if (!path) process.exit(0);
const server = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.write('{"QMP":{"version":{"qemu":{"major":7}},"capabilities":[]}}\\r\\n');
  socket.on('data', (chunk) => {
    const { execute, id } = JSON.parse(chunk.toString().split('\\n')[0]);
    if (execute === 'qmp_capabilities') return socket.write(\`{"return":{},"id":\${id}}\\r\\n\`);
    server.close();
    socket.destroy();
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${late_ms});
  });
});
server.listen(path);
`;

/** Path of the program. */
export async function endingQemu(folder: string, late_ms: number): Promise<string> {
  const program = join(folder, 'ending-qemu');
  await writeFile(program, textOf(late_ms));
  await chmod(program, 0o755);
  return program;
}

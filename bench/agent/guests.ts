/**
 * Guests in a process of their own, a connection each: a guest under a VMM is behind a socket too,
 * and its work is not the agent's. Each answers at once; its first line says which VM it is of.
 */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { FakeGuest } from '../../agent/testing/fake-guest.ts';
import type { FakeVm } from '../../agent/testing/fake-hypervisor.ts';
import { hostClock } from '../../base/clock.ts';
import { LIMITS } from '../../base/limits.ts';

const introductionSchema = z.object({
  region_bytes: z.number(),
  regions: z.array(z.string()).max(LIMITS.regions_per_vm),
});

/** Serves guests on `socket_path`; the function returned ends all of them. */
export async function serveGuests(socket_path: string): Promise<() => Promise<void>> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    socket.once('data', (chunk: Buffer) => introduce(socket, chunk));
  });
  server.listen(socket_path);
  await once(server, 'listening');
  return async () => {
    server.close();
    for (const socket of open) socket.destroy();
    await rm(socket_path, { force: true });
  };
}

/** The first line is short and sent alone: it comes in one piece, or the guest is none. */
function introduce(socket: Socket, chunk: Buffer): void {
  const { data } = introductionSchema.safeParse(JSON.parse(chunk.toString('utf8')));
  if (!data) return void socket.destroy();
  const { region_bytes, regions } = data;
  const guest = new FakeGuest({
    clock: hostClock,
    regions,
    // The guest's own memory follows its instances: nothing else knows here what the VMM did.
    plugged: (pci) => (hasInstance(guest, pci) ? region_bytes : 0),
    fault: () => 'none',
    hotmem: true,
    hello: {},
    step_ms: 0,
  });
  guest.serveOn(socket);
}

function hasInstance(guest: FakeGuest, region_pci: string): boolean {
  for (const instance of guest.instances.values()) {
    if (instance.region_pci === region_pci) return true;
  }
  return false;
}

/** The agent's end of a guest of such a process. */
export async function openGuest(socket_path: string, vm: FakeVm): Promise<Duplex> {
  const socket = connect(socket_path);
  await once(socket, 'connect');
  const [first] = vm.regions;
  const regions = vm.regions.map((region) => region.pci_address);
  socket.write(`${JSON.stringify({ region_bytes: first?.max_bytes ?? 0, regions })}\n`);
  return socket;
}

/** Random whole hosts: the real executor, channel and core over faulty models and a fake clock. */
import test from 'ava';
import fc from 'fast-check';
import { MIB } from '../../../base/units.ts';
import { MECHANISMS } from '../../../agent/model/mechanism.ts';
import type { GuestFault } from '../../../agent/testing/fake-guest.ts';
import { type FakeHost, fakeHost } from '../../fakes/host.ts';
import type { LaunchFault, ResizeFault } from '../../../agent/testing/fake-hypervisor.ts';
import { specOf, WORK } from '../core/world.ts';
import { holds } from '../../seed.ts';
import { emulated } from '../../../agent/model/work.ts';

type Move =
  | { kind: 'deploy'; name: string; mechanism: string; concurrency: number }
  | { kind: 'invoke'; name: string; wall_ms: number; anonymous_bytes: number }
  | { kind: 'drain' | 'remove' | 'kill-vm' | 'kill-instance'; name: string }
  | { kind: 'advance'; ms: number };

const name = fc.constantFrom('a', 'b');
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('deploy' as const),
      name,
      mechanism: fc.constantFrom(...MECHANISMS.names),
      concurrency: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('invoke' as const),
      name,
      wall_ms: fc.nat(500),
      anonymous_bytes: fc.constantFrom(MIB, 100 * MIB, 500 * MIB),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('drain', 'remove', 'kill-vm', 'kill-instance' as const),
      name,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(2_000) }),
  },
);

/** Mostly well; otherwise one of the faults. */
function sometimes<T>(well: T, ...faults: T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 10, arbitrary: fc.constant(well) },
    { weight: 2, arbitrary: fc.constantFrom(...faults) },
  );
}
const plan = fc.record({
  launch: fc.array(sometimes<LaunchFault>('none', 'refuse', 'die', 'no-hello', 'panic')),
  resize: fc.array(sometimes<ResizeFault>('none', 'slow', 'partial', 'refuse', 'throw', 'die'), {
    size: 'max',
    maxLength: 40,
  }),
  guest: fc.array(sometimes<GuestFault>('none', 'refuse', 'silent', 'slow', 'exit'), {
    size: 'max',
    maxLength: 60,
  }),
});

interface Asked {
  readonly what: string;
  answers: number;
}

class Simulation {
  readonly asked: Asked[] = [];
  readonly #host: FakeHost;

  constructor(host: FakeHost) {
    this.#host = host;
  }

  ask(what: string, promise: Promise<unknown>): void {
    const asked: Asked = { what, answers: 0 };
    this.asked.push(asked);
    const answered = (): void => {
      asked.answers += 1;
    };
    promise.then(answered, answered);
  }

  async play(one: Move): Promise<void> {
    const { agent, hypervisor, clock } = this.#host;
    if (one.kind === 'advance') return await clock.advance(one.ms);
    if (one.kind === 'deploy') {
      const { mechanism, concurrency } = one;
      const spec = specOf(one.name, { mechanism, concurrency });
      return this.ask('deploy', agent.deploy(spec));
    }
    if (one.kind === 'invoke') {
      const { wall_ms, anonymous_bytes } = one;
      return this.ask(
        'invoke',
        agent.invoke(one.name, 'x', emulated({ ...WORK, wall_ms, anonymous_bytes })),
      );
    }
    if (one.kind === 'drain') return this.ask('drain', agent.drain(one.name));
    if (one.kind === 'remove') return this.ask('remove', agent.remove(one.name, 5_000));
    const vm = hypervisor.alive().at(-1);
    if (one.kind === 'kill-vm') return vm?.die();
    const instance = vm?.guest.instances.keys().next().value;
    if (vm && instance) vm.guest.exit(instance, 'crash');
  }

  /** The book covers what is really plugged, region by region. */
  check(): void {
    const { agent, hypervisor } = this.#host;
    const { vms } = agent.dump();
    for (const vm of hypervisor.alive()) {
      const permits = vms.find((one) => one.id === vm.id)?.permits_bytes ?? 0;
      const plugged = vm.regions.reduce((sum, region) => sum + region.plugged_bytes, 0);
      if (plugged > permits) throw new Error(`${vm.id}: plugged ${plugged}, permits ${permits}`);
    }
  }
}

test('random load, kills and faults: one answer each, nothing stuck, zero at the end', async (t) => {
  const property = fc.asyncProperty(
    fc.array(move, { maxLength: 40, size: 'max' }),
    plan,
    async (moves, faults) => {
      let on = true;
      const next =
        <T>(list: T[], well: T) =>
        (): T =>
          (on ? list.shift() : undefined) ?? well;
      const host = fakeHost({
        launch: next([...faults.launch], 'none'),
        resize: next([...faults.resize], 'none'),
        guest: next([...faults.guest], 'none'),
      });
      const { agent, clock, hypervisor } = host;
      const simulation = new Simulation(host);
      for (const one of moves) {
        await simulation.play(one);
        simulation.check();
      }
      on = false;
      await clock.advance(600_000);
      for (const vm of agent.dump().vms) {
        if (vm.phase === 'running' && vm.instances.length > 0) {
          throw new Error(`stuck: ${JSON.stringify(vm)}`);
        }
      }
      await clock.until(agent.stop(1_000));
      await clock.advance(1_000);
      for (const { what, answers } of simulation.asked) {
        if (answers !== 1) throw new Error(`${what} got ${answers} answers`);
      }
      if (agent.grantedBytes() !== 0) throw new Error('permits are left');
      if (hypervisor.alive().length > 0) throw new Error('a VM is left');
    },
  );
  await holds(t, property, { runs: 40 });
});

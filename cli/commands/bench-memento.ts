import { JSON_OPTION, type Command } from '../command.ts';

export const benchMementoCommand: Command = {
  name: 'bench memento',
  summary: 'measure what memory that is ready before a call saves it, in real VMs',
  options: {
    bytes: {
      value: 'SIZE',
      summary: 'what a call of the emulated function touches',
      default: '96MiB',
    },
    rounds: { value: 'R', summary: 'calls of every arm, in both directions', default: '5' },
    arms: {
      value: 'LIST',
      summary: 'some of prepare, fresh_zero, arena, all; off is always there',
    },
    functions: { value: 'LIST', summary: 'some of touch, touch-huge, python, node' },
    counted: { summary: 'count what is stored in each page instead, in an emulated VM an arm' },
    seed: { value: 'N', summary: 'of the input of the real functions', default: '7' },
    strict: { summary: 'exit with 1 when a promise was measured and missed' },
    out: { value: 'DIR', summary: 'keep the result there, as memento.json' },
    json: JSON_OPTION,
  },
  help: `
A function that touches memory is called, without and with transparent huge pages in its guest, and
two real ones, in Python and Node. Each finds memory that stands plugged for nobody, or an instance
that was started ahead, and this is its first call.

An arm has some of what can be done before a call: prepare (the guest clears and touches what stands
plugged), fresh_zero (it does not clear what was just plugged, by the word of the VMM's driver) and
arena (the program has its memory before it says that it is ready); none, each alone, all. Calls of
the arms follow each other; every second round runs backwards. Real functions have no arena.

Prints the time to the first byte of an answer, the page faults of a call, what the guest kernels
cleared, and published figures beside ours. The guest kernel has to have revision 10 of the series.
About ten minutes with the defaults under TCG; guest images are built first when they are not there.
The host needs eight GiB.

With --counted no time is measured: a plugin of the emulator counts the bytes that a guest stores in
each page of a region, from its plug to its unplug, around a call that touches some of them. So it
is seen, without the kernel's word, how often each was cleared, and when. It takes QEMU 7.2.

Exits with 0 also when a promise is missed, unless --strict.

Examples:
  hotplane bench memento --functions touch,touch-huge --rounds 3
  hotplane bench memento --json --out bench-memento-1
  hotplane bench memento --counted --bytes 16MiB --rounds 2
`,
  async run({ values, stdout, stderr, signal }) {
    const options = {
      bytes: values.text('bytes'),
      rounds: values.text('rounds'),
      arms: values.optional('arms'),
      functions: values.optional('functions'),
      seed: values.text('seed'),
    };
    const [strict, json] = [values.flag('strict'), values.flag('json')];
    const about = { options, folder: values.optional('out'), strict, json, stdout, stderr, signal };
    if (values.flag('counted')) {
      const { runCountedBench } = await import('../../bench/memento/counted/command.ts');
      return await runCountedBench(about);
    }
    const { runMementoBench } = await import('../../bench/memento/command.ts');
    const { realPrograms } = await import('../function/real-programs.ts');
    const { createProgress } = await import('../../base/progress.ts');
    const programs = realPrograms(createProgress({ stream: stderr }));
    return await runMementoBench({ ...about, programs });
  },
};

import { JSON_OPTION, type Command } from '../command.ts';

export const simulatePaperCommand: Command = {
  name: 'simulate paper',
  summary: "the HotMem paper's experiment under a memory cap, simulated, beside what is published",
  options: {
    seed: { value: 'N', summary: 'of the bursts', default: '1' },
    json: JSON_OPTION,
  },
  help: `
Four functions (768, 1536, 768 and 768 MiB) with up to 36 instances each are called in bursts for
ten minutes, keep-alive two minutes, on a host with 70 % of the memory that they take at their peak.
Abundant has that peak from beginning to end; virtio-mem and hotmem give memory back as fast as is
published of them, and a start waits for memory; harvest is virtio-mem that keeps a tenth free by
stopping idle instances early. One region of a VM goes after the other, and beside virtio-mem a
call takes twice as long meanwhile, as its figure 9 tells. Which functions of the trace the paper
took is not published: the bursts are made from --seed, and figures agree in shape at best.

Example:
  hotplane simulate paper --seed 7
`,
  async run({ values, stdout }) {
    const { renderPaper, simulatePaper } = await import('../../autoscaler/simulator/paper.ts');
    const { jsonDocument } = await import('../../base/json.ts');
    const result = simulatePaper(values.whole('seed', 0, 2 ** 31 - 1));
    stdout.write(values.flag('json') ? jsonDocument(result) : renderPaper(result));
    await Promise.resolve();
  },
};

/** The folder of a run. Every line is in its file when the call returns; a crash keeps them. */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWholeSync } from '../../../base/files.ts';
import { makeFolderSync } from '../../../base/make-folder.ts';
import { folderTaken, folderUnwritable } from '../../errors.ts';
import type { Recorder } from './recorder.ts';
import { type BenchData, type BenchLists, type BenchManifest, noLines } from './records.ts';

export const BENCH_FILES = {
  manifest: 'manifest.json',
  blocks: 'blocks.jsonl',
  operations: 'operations.jsonl',
  instances: 'instances.jsonl',
  floor: 'floor.jsonl',
  neighbour: 'neighbour.jsonl',
  cost: 'cost.jsonl',
  prices: 'prices.jsonl',
  load: 'load.jsonl',
  summary: 'summary.json',
  report: 'report.html',
} as const;

export class BenchFolder implements Recorder {
  readonly path: string;
  readonly #lines = noLines();

  /** Makes the folder. Throws HP_BENCH_EXISTS when it already holds a run. */
  constructor(path: string) {
    this.path = path;
    if (existsSync(join(path, BENCH_FILES.manifest))) throw folderTaken(path);
    try {
      makeFolderSync(path);
      for (const name of Object.keys(this.#lines)) writeFileSync(join(path, `${name}.jsonl`), '');
    } catch (cause) {
      throw folderUnwritable(path, cause);
    }
  }

  block(line: BenchData['blocks'][number]): void {
    this.#lines.blocks.push(line);
    this.#append('blocks', line);
  }

  operation(line: BenchData['operations'][number]): void {
    this.#lines.operations.push(line);
    this.#append('operations', line);
  }

  instance(line: BenchData['instances'][number]): void {
    this.#lines.instances.push(line);
    this.#append('instances', line);
  }

  floor(line: BenchData['floor'][number]): void {
    this.#lines.floor.push(line);
    this.#append('floor', line);
  }

  neighbour(line: BenchData['neighbour'][number]): void {
    this.#lines.neighbour.push(line);
    this.#append('neighbour', line);
  }

  cost(line: BenchData['cost'][number]): void {
    this.#lines.cost.push(line);
    this.#append('cost', line);
  }

  price(line: BenchData['prices'][number]): void {
    this.#lines.prices.push(line);
    this.#append('prices', line);
  }

  load(line: BenchData['load'][number]): void {
    this.#lines.load.push(line);
    this.#append('load', line);
  }

  console(block: string, text: string): void {
    this.#writeFile(`console-${block}.log`, text);
  }

  /** All lines so far, under this manifest. */
  data(manifest: BenchManifest): BenchData {
    return { manifest, ...this.#lines };
  }

  /** Replaces one of the files that are written as a whole; readers never see half of it. */
  write(name: 'manifest' | 'summary' | 'report', text: string): void {
    this.#writeFile(BENCH_FILES[name], text);
  }

  #writeFile(name: string, text: string): void {
    const path = join(this.path, name);
    try {
      writeWholeSync(path, text);
    } catch (cause) {
      throw folderUnwritable(path, cause);
    }
  }

  #append(name: keyof BenchLists, line: object): void {
    const path = join(this.path, BENCH_FILES[name]);
    try {
      appendFileSync(path, `${JSON.stringify(line)}\n`);
    } catch (cause) {
      throw folderUnwritable(path, cause);
    }
  }
}

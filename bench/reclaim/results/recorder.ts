/** Takes the lines of a run as they come; the folder on disk is one, a test may be another. */
import type {
  BlockLine,
  CostLine,
  FloorLine,
  InstanceLine,
  NeighbourLine,
  BenchOperation,
  PriceLine,
} from './records.ts';

export interface Recorder {
  block(line: BlockLine): void;
  operation(line: BenchOperation): void;
  instance(line: InstanceLine): void;
  floor(line: FloorLine): void;
  neighbour(line: NeighbourLine): void;
  cost(line: CostLine): void;
  price(line: PriceLine): void;
  /** All that the guest of a failed block said. */
  console(block: string, text: string): void;
}

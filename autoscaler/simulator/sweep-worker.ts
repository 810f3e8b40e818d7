/** A thread of a sweep: plays the cells that it is sent, one by one, over a workload all share. */
import { parentPort, workerData } from 'node:worker_threads';
import { InvocationColumns } from '../trace/columns.ts';
import { playCell } from './sweep-cell.ts';
import type { SharedWorkload, SweepOrder } from './sweep-threads.ts';

const { functions, window_ms, function_index, arrival_ms, duration_ms }: SharedWorkload =
  workerData;
const invocations = new InvocationColumns(function_index, arrival_ms, duration_ms);
const workload = { functions, window_ms, invocations };

parentPort?.on('message', ({ index, cell }: SweepOrder) => {
  parentPort?.postMessage({ index, figures: playCell(workload, cell) }, []);
});

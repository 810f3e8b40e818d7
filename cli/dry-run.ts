/** `hotplane invoke --dry-run`: what a call would take and cost, which is not made. */
import type { EstimateResponse } from '../agent/model/span-messages.ts';
import { inputsText } from '../agent/model/call-memory.ts';
import { jsonDocument } from '../base/json.ts';
import { printable } from '../base/printable.ts';
import { formatBytes, formatMs, GIB } from '../base/units.ts';
import { type Prices, readPrices } from '../ledger/prices.ts';
import type { CommandInput } from './command.ts';
import { withAgent } from './with-agent.ts';

/** For the region that a start is plugged to, as the meter has it: all of it is guaranteed. */
interface Cost {
  readonly currency: string;
  readonly per_second: number;
  /** For as long as the call may take. */
  readonly most: number;
}

/** Throws HP_LEDGER_PRICES, HP_AGENT_NO_FUNCTION. */
export async function tellCall(input: CommandInput, payload: Uint8Array): Promise<void> {
  const { values, positionals, stdout } = input;
  const name = positionals[0] ?? '';
  const path = values.text('prices');
  const prices = path === '' ? null : readPrices(path);
  const told = await withAgent(input, (client, signal) =>
    client.estimate({ function: name, payload }, { signal }),
  );
  const cost = prices && costOfStart(told, prices);
  stdout.write(values.flag('json') ? jsonDocument({ ...told, cost }) : render(told, cost));
}

function costOfStart({ start_bytes, timeout_ms }: EstimateResponse, prices: Prices): Cost {
  const per_second = (start_bytes / GIB) * prices.guaranteed;
  return { currency: prices.currency, per_second, most: (per_second * timeout_ms) / 1_000 };
}

function render(told: EstimateResponse, cost: Cost | null): string {
  const { cold, warm, why_not, worst_bytes, inputs } = told;
  const lines = [
    `${told.function}  a start for this call is plugged to ${formatBytes(told.start_bytes)} ` +
      `of at most ${formatBytes(told.max_bytes)}`,
    `  because     ${printable(told.because, 1_024)}; policy ${told.policy}`,
    ...(cold ? [`  cold        ${sizesText(cold)} (${printable(inputsText(inputs), 512)})`] : []),
    ...(warm ? [`  warm        ${sizesText(warm)}`] : []),
    ...(why_not === null ? [] : [`  expression  no answer: ${printable(why_not, 512)}`]),
    ...(worst_bytes === null ? [] : [`  worst case  ${formatBytes(worst_bytes)}`]),
    ...(cost === null ? [] : [costLine(cost, told)]),
  ];
  return `${lines.join('\n')}\n`;
}

function sizesText(of: NonNullable<EstimateResponse['cold']>): string {
  const { peak_bytes, kept_bytes } = of;
  return `${formatBytes(peak_bytes)}, of which ${formatBytes(kept_bytes)} stay after it`;
}

function costLine({ currency, per_second, most }: Cost, { timeout_ms }: EstimateResponse): string {
  const money = (amount: number): string => `${Number(amount.toPrecision(4))} ${currency}`;
  const longest = `at most ${money(most)} for the ${formatMs(timeout_ms)} it may take`;
  return `  cost        ${money(per_second)} a second, ${longest}; boot memory is not in it`;
}

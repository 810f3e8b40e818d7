/** A call with a key outlives the agent it was asked of. */
import test from 'ava';
import { whileAgentsCome } from '../../../agent/api/ask-again.ts';
import { agentError, type AgentErrorCode } from '../../../agent/model/errors.ts';
import { FakeClock } from '../../fakes/clock.ts';

const gone = (code: AgentErrorCode, was_there: boolean) =>
  agentError(code, 'gone.', { details: { was_there } });

async function asked(
  answers: readonly (Error | { failure?: Error })[],
): Promise<[unknown, number]> {
  const clock = new FakeClock();
  let count = 0;
  const ask = async (): Promise<{ failure?: Error }> => {
    const answer = answers[Math.min(count, answers.length - 1)];
    count += 1;
    if (answer instanceof Error || !answer) throw answer;
    return await Promise.resolve(answer);
  };
  const ended: unknown[] = [];
  const end = (value: unknown): void => void ended.push(value);
  whileAgentsCome(ask, undefined, clock).then(end, end);
  for (let turns = 0; turns < 1_000 && ended.length === 0; turns += 1) await clock.advance(250);
  return [ended[0], count];
}

const BROKE = gone('HP_AGENT_UNREACHABLE', true);
const ABSENT = gone('HP_AGENT_UNREACHABLE', false);
const DONE = {};

test('an agent that went away is waited for, also while none is there', async (t) => {
  t.deepEqual(await asked([BROKE, ABSENT, ABSENT, DONE]), [DONE, 4]);
  const leaves = { failure: gone('HP_AGENT_LEAVES', false) };
  t.deepEqual(await asked([leaves, ABSENT, DONE]), [DONE, 3]);
});

test('an agent that was never there is told at once, and so is what it answers', async (t) => {
  t.deepEqual(await asked([ABSENT, DONE]), [ABSENT, 1]);
  const full = gone('HP_AGENT_QUEUE_FULL', true);
  t.deepEqual(await asked([full]), [full, 1]);
  const failed = { failure: gone('HP_AGENT_INSTANCE_OOM', false) };
  t.deepEqual(await asked([failed]), [failed, 1]);
});

test('the wait for an agent ends', async (t) => {
  const [ended, count] = await asked([BROKE, ABSENT]);
  t.is(ended, ABSENT);
  t.true(count > 10 && count < 1_000, `${count} times`);
});

/** The units are such that systemd takes them without a word, and can watch an agent by them. */
import test from 'ava';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { PROJECT_ROOT } from '../../base/paths.ts';

const PACKAGING = join(PROJECT_ROOT, 'packaging');
const UNIT = join(PACKAGING, 'hotplane-agent.service');
const VMS_UNIT = 'hotplane-vms.service';
const SYSTEMD_ANALYZE = '/usr/bin/systemd-analyze';
/** A host without systemd cannot say what systemd thinks of it. */
const withSystemd = existsSync(SYSTEMD_ANALYZE) ? test : test.skip;
/** Of systemd's own scale from 0 (confined) to 100; a unit without any of it has 96. */
const EXPOSURE_MAX = 30;

/** With the unit of VMs beside it, which it wants. */
async function unitAlone(t: { teardown: (end: () => Promise<void>) => void }): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-unit-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const path = join(dir, 'hotplane-agent.service');
  // The program is not installed here.
  const text = await readFile(UNIT, 'utf8');
  await writeFile(path, text.replace(/^ExecStart=.*$/m, 'ExecStart=/bin/true'));
  const vms = await readFile(join(PACKAGING, VMS_UNIT), 'utf8');
  await writeFile(join(dir, VMS_UNIT), vms.replace(/^ExecStart=.*$/m, 'ExecStart=/bin/true'));
  return path;
}

withSystemd('systemd-analyze verify has nothing to say', async (t) => {
  const { stdout, stderr, exitCode } = await execa(
    SYSTEMD_ANALYZE,
    ['verify', await unitAlone(t)],
    {
      reject: false,
      timeout: 60_000,
    },
  );
  t.is(`${stdout}${stderr}`, '');
  t.is(exitCode, 0);
});

withSystemd('its exposure, as systemd counts it, is small', async (t) => {
  const args = ['security', '--offline=true', `--threshold=${EXPOSURE_MAX}`, await unitAlone(t)];
  const { stdout, exitCode } = await execa(SYSTEMD_ANALYZE, args, { reject: false });
  t.is(exitCode, 0, stdout);
});

test('it is told when it serves, watched, and its VMs outlive a crash', async (t) => {
  const text = await readFile(UNIT, 'utf8');
  for (const line of [
    'Type=notify',
    'NotifyAccess=all',
    'KillMode=process',
    'Restart=on-failure',
    'StateDirectory=hotplane',
    'RuntimeDirectory=hotplane',
    'User=hotplane',
  ]) {
    t.true(text.split('\n').includes(line), line);
  }
  t.regex(text, /^WatchdogSec=\d+$/m);
  t.regex(text, /^CPUWeight=1000$/m, 'ahead of the group of its VMs, which has 100');
});

test('its VMs are in a group beside it, which is given to its user, and never in its own', async (t) => {
  const agent = (await readFile(UNIT, 'utf8')).split('\n');
  const vms = (await readFile(join(PACKAGING, VMS_UNIT), 'utf8')).split('\n');
  for (const unit of [agent, vms]) {
    t.true(unit.includes('Slice=hotplane.slice'));
    t.true(unit.includes('User=hotplane'));
  }
  t.true(agent.includes(`Requires=${VMS_UNIT}`));
  t.true(agent.includes('ProtectControlGroups=no'));
  t.false(
    agent.some((line) => line.startsWith('Delegate=')),
    'see the unit of VMs for the reason',
  );
  t.true(vms.includes('Delegate=memory cpu'));
  t.true(vms.includes('OOMPolicy=continue'));
});

/** Network namespaces of a test's own: whatever it sends stays in them. */
import { execa } from 'execa';
import type { ExecutionContext } from 'ava';

/** Why this host lets us make none; null: it does. */
export async function whyNoNamespaces(): Promise<string | null> {
  const name = `hp-try-${process.pid}`;
  try {
    await execa('ip', ['netns', 'add', name]);
    await execa('ip', ['netns', 'delete', name]);
    return null;
  } catch {
    return 'no right to make network namespaces here';
  }
}

let made = 0;

/** One that is gone, with all devices in it, when the test is over. */
export class Namespace {
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  static async make(t: ExecutionContext): Promise<Namespace> {
    made += 1;
    const space = new Namespace(`hp-test-${process.pid}-${made}`);
    await execa('ip', ['netns', 'add', space.name]);
    t.teardown(async () => {
      await execa('ip', ['netns', 'delete', space.name]);
    });
    await space.run('ip link set lo up');
    // What a firewall of the host does with packets of bridges is not what is tested.
    await space.run('sysctl -e -q -w net.bridge.bridge-nf-call-iptables=0');
    return space;
  }

  /** Words before a command that is to run in it. */
  get enter(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name];
  }

  /** What a command of plain words prints. */
  async run(command: string): Promise<string> {
    const [program = '', ...rest] = [...this.enter, ...command.split(' ')];
    return (await execa(program, rest)).stdout;
  }

  /** Names of its devices. */
  async devices(): Promise<readonly string[]> {
    const text = await this.run('ip -j link show');
    const links: { readonly ifname: string }[] = JSON.parse(text);
    return links.map(({ ifname }) => ifname);
  }
}

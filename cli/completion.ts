/** Completion for shells, written from the table of commands. Pure. */
import type { Command, OptionSpec } from './command.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The script that a shell reads: what it offers is what the commands say they take. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  return scripts[shell](commands);
}

const firstWord = ({ name }: Command): string => name.split(' ')[0] ?? name;
const secondWord = ({ name }: Command): string | null => name.split(' ')[1] ?? null;

/** Words of a command line after the program's name, each once. */
function firstWords(commands: readonly Command[]): string[] {
  return [...new Set([...commands.map(firstWord), 'help'])];
}

/** The second words of each first one that has any. */
function groups(commands: readonly Command[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const command of commands) {
    const second = secondWord(command);
    if (second === null) continue;
    found.set(firstWord(command), [...(found.get(firstWord(command)) ?? []), second]);
  }
  return found;
}

const optionsOf = ({ options }: Command): string[] => [
  ...Object.keys(options).map((name) => `--${name}`),
  '--help',
];

/** A text inside single quotes of a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

type Offer = (words: readonly string[]) => string;

/** What may stand after an option: its choices, or files. Flags are followed by anything. */
function valueCases(commands: readonly Command[], offer: Offer, files: string): string[] {
  return commands.flatMap(({ name, options }) =>
    Object.entries(options).flatMap(([option, { value, choices }]) => {
      if (value === undefined) return [];
      const what = choices ? offer(choices) : files;
      return [`    ${quoted(`${name}|--${option}`)}) ${what}; return ;;`];
    }),
  );
}

/** What may stand at any other place of a command. */
function wordCases(commands: readonly Command[], offer: Offer): string[] {
  const seconds = groups(commands);
  const alone = new Set(commands.map(({ name }) => name));
  return [
    ...commands.map((command) => {
      const more = [...(seconds.get(command.name) ?? []), ...(command.words ?? [])];
      return `    ${quoted(command.name)}) ${offer([...more, ...optionsOf(command)])} ;;`;
    }),
    ...[...seconds]
      .filter(([first]) => !alone.has(first))
      .map(([first, words]) => `    ${quoted(first)}) ${offer(words)} ;;`),
  ];
}

function twoWordCases(commands: readonly Command[]): string[] {
  return commands
    .filter((command) => secondWord(command) !== null)
    .map(({ name }) => `    ${quoted(name)}) command=${quoted(name)} ;;`);
}

const offerInBash: Offer = (words) =>
  `COMPREPLY=($(compgen -W ${quoted(words.join(' '))} -- "$cur"))`;

function bashScript(commands: readonly Command[]): string {
  return `# Completion of hotplane for bash: source <(hotplane completion bash)
_hotplane() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="\${COMP_WORDS[1]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    ${offerInBash([...firstWords(commands), '--help', '--version'])}
    return
  fi
  case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${twoWordCases(commands).join('\n')}
  esac
  case "$command|$prev" in
${valueCases(commands, offerInBash, ':').join('\n')}
  esac
  case "$command" in
${wordCases(commands, offerInBash).join('\n')}
  esac
}
# Where it offers nothing, bash offers files, and knows of spaces in their names.
complete -o bashdefault -o default -F _hotplane hotplane
`;
}

const offerInZsh: Offer = (words) => `compadd -- ${words.map(quoted).join(' ')}`;

function zshScript(commands: readonly Command[]): string {
  return `#compdef hotplane
# Completion of hotplane for zsh: source <(hotplane completion zsh)
_hotplane() {
  local command="\${words[2]}"
  if (( CURRENT == 2 )); then
    ${offerInZsh([...firstWords(commands), '--help', '--version'])}
    return
  fi
  case "\${words[2]} \${words[3]}" in
${twoWordCases(commands).join('\n')}
  esac
  case "$command|\${words[CURRENT-1]}" in
${valueCases(commands, offerInZsh, '_files').join('\n')}
  esac
  case "$command" in
${wordCases(commands, offerInZsh).join('\n')}
  esac
  _files
}
compdef _hotplane hotplane
`;
}

function fishOption(condition: string, [name, option]: [string, OptionSpec]): string {
  const { value, choices, summary } = option;
  const takes = value === undefined ? '' : choices ? ` -x -a ${quoted(choices.join(' '))}` : ' -r';
  return `complete -c hotplane -n ${condition} -l ${name}${takes} -d ${quoted(summary)}`;
}

function fishScript(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => {
    const second = secondWord(command);
    const first = firstWord(command);
    const condition = quoted(`__hotplane_is ${command.name}`);
    const summary = quoted(command.summary);
    const word =
      second === null
        ? `complete -c hotplane -f -n __fish_use_subcommand -a ${first} -d ${summary}`
        : `complete -c hotplane -f -n ${quoted(`__hotplane_at ${first}`)} -a ${second} -d ${summary}`;
    const words = (command.words ?? []).map(
      (one) => `complete -c hotplane -f -n ${quoted(`__hotplane_at ${command.name}`)} -a ${one}`,
    );
    const options = Object.entries(command.options).map((one) => fishOption(condition, one));
    return [word, ...words, ...options];
  });
  const heads = [...groups(commands).keys()].filter(
    (first) => !commands.some(({ name }) => name === first),
  );
  return `# Completion of hotplane for fish: hotplane completion fish | source
function __hotplane_is
  set -l words (commandline -opc)
  set -l last (math (count $argv) + 1)
  test (count $words) -ge $last; and test "$words[2..$last]" = "$argv"
end
function __hotplane_at
  set -l words (commandline -opc)
  test (count $words) -eq (math (count $argv) + 1); and __hotplane_is $argv
end
${heads.map((first) => `complete -c hotplane -f -n __fish_use_subcommand -a ${first}`).join('\n')}
${lines.join('\n')}
`;
}

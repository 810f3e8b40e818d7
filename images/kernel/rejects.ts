/** What patch(1) says of hunks that did not fit. Pure. */

/** A place in a tree where a hunk did not go in, or only with help. */
export interface Misfit {
  readonly file: string;
  /** Counted from 1; null: the whole file, for it is not there or is there already. */
  readonly hunk: number | null;
  readonly line: number | null;
}

export interface PatchReport {
  readonly rejected: readonly Misfit[];
  /** Went in, but some of the lines around were others: somebody should look at it. */
  readonly fuzzy: readonly Misfit[];
}

/** Reads the output of one `patch`, line by line. */
export function parsePatchOutput(lines: readonly string[]): PatchReport {
  const rejected: Misfit[] = [];
  const fuzzy: Misfit[] = [];
  let file = '';
  const whole = (name: string): void => {
    if (!rejected.some((one) => one.file === name)) {
      rejected.push({ file: name, hunk: null, line: null });
    }
  };
  for (const line of lines) {
    file = /^(?:patching|checking) file '?(.+?)'?(?: \(.*\))?$/.exec(line)?.[1] ?? file;
    // Quoted only of a file that was not found.
    const lost = /^\|\+\+\+ (?:b\/)?(\S+)/.exec(line)?.[1];
    if (lost !== undefined) whole(lost);
    if (/^Reversed .* patch detected/.test(line)) whole(file);
    const hunk = /^Hunk #(\d+) (FAILED|succeeded) at (\d+)/.exec(line);
    if (!hunk) continue;
    const misfit = { file, hunk: Number(hunk[1]), line: Number(hunk[3]) };
    if (hunk[2] === 'FAILED') rejected.push(misfit);
    else if (line.includes(' with fuzz ')) fuzzy.push(misfit);
  }
  return { rejected, fuzzy };
}

/** `mm/x.c, hunk 2 at line 123`. */
export function misfitText({ file, hunk, line }: Misfit): string {
  return hunk === null ? `${file}, the whole file` : `${file}, hunk ${hunk} at line ${line}`;
}

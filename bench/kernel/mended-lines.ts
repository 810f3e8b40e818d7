/**
 * Lines of a program as it wrote them. The kernel writes its messages to the same console at once,
 * so one of them may stand within a line of a program, whose rest follows on the next line:
 *
 *     # host: resize 0000:00:[   12.345678] virtio_mem virtio1: ...
 *     08.0 268435456
 *
 * A request to the host that was cut like this was lost, and its case waited for it in vain.
 */

/** What the kernel puts before each of its messages (CONFIG_PRINTK_TIME). */
const STAMP = /\[ *\d+\.\d{6}\] /;

/** Takes whole lines of a console, in order. Pure but for the line that is not over yet. */
export class MendedLines {
  #begun = '';

  /** The lines that are whole by now, each message of the kernel on a line of its own. */
  add(line: string): readonly string[] {
    const cut = line.search(STAMP);
    if (cut === 0) return [line];
    const text = this.#begun + (cut < 0 ? line : line.slice(0, cut));
    this.#begun = cut < 0 ? '' : text;
    return cut < 0 ? [text] : [line.slice(cut)];
  }
}

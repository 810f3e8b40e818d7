/**
 * At most `most` bytes of UTF-8, cut between characters and marked; characters that JSON or a
 * terminal would need an escape for become a blank or a sign, so that the length stays what it is.
 */
export function cutBytes(text: string, most: number): string {
  // oxlint-disable-next-line no-control-regex -- these are the ones to be replaced
  const clean = text.slice(0, most + 1).replaceAll(/[\u0000-\u001f\u007f-\u009f"\\]/g, (sign) => {
    if (sign === '\n' || sign === '\t' || sign === '\r') return ' ';
    if (sign === '"' || sign === '\\') return sign;
    return '?';
  });
  if (Buffer.byteLength(clean) <= most) return clean;
  const cut = Buffer.from(clean)
    .subarray(0, most - 3)
    .toString('utf8');
  return `${cut.replace(/\ufffd+$/, '')}…`;
}

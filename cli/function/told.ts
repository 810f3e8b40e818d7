/** How packages are told to people. Pure. */
import { formatBytes } from '../../base/units.ts';
import type { Package } from '../../images/packages/package.ts';

const count = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`;

/** `3 files, 12 KiB; image 16 KiB`. */
export function toldPackage({ content, image_bytes }: Package): string {
  const { files, links, bytes } = content;
  const with_links = links === 0 ? '' : `, ${count(links, 'link')}`;
  const image = `image ${formatBytes(image_bytes)}`;
  return `${count(files, 'file')}${with_links}, ${formatBytes(bytes)}; ${image}`;
}

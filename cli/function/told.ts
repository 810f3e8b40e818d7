/** How packages are told to people. Pure. */
import { counted, formatBytes } from '../../base/units.ts';
import type { Package } from '../../images/packages/package.ts';

/** `3 files, 12 KiB; image 16 KiB`. */
export function toldPackage({ content, image_bytes }: Package): string {
  const { files, links, bytes } = content;
  const with_links = links === 0 ? '' : `, ${counted(links, 'link')}`;
  const image = `image ${formatBytes(image_bytes)}`;
  return `${counted(files, 'file')}${with_links}, ${formatBytes(bytes)}; ${image}`;
}

/** What `package` of a manifest, or the argument of `function import`, names. Pure. */
import { OCI_FORMS, type OciForm } from '../../images/packages/oci.ts';

export type PackageSource =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'image'; readonly form: OciForm; readonly path: string }
  | { readonly kind: 'name'; readonly name: string };

export function sourceOf(text: string): PackageSource {
  const colon = text.indexOf(':');
  const form = OCI_FORMS.find((one) => one === text.slice(0, colon));
  if (form !== undefined) return { kind: 'image', form, path: text.slice(colon + 1) };
  if (/^[./]/.test(text)) return { kind: 'folder', path: text };
  return { kind: 'name', name: text };
}

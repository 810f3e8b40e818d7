import { PAGE_STYLE } from './page-style.ts';
import { chartStyle } from './palette.ts';
import { escapeText } from '../../../base/chart/svg.ts';

export interface PageParts {
  readonly title: string;
  /** Rules of this page alone, after those of every page. */
  readonly style?: string;
  /** What `<main>` holds, as HTML; ends with a newline. */
  readonly main: string;
}

/** A page of its own: one file, no network, no script, light or dark as its reader has it. Pure. */
export function renderPage({ title, style = '', main }: PageParts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeText(title)}</title>
<style>${chartStyle()}${PAGE_STYLE}${style}</style>
</head>
<body><main>
${main}</main></body>
</html>
`;
}

/** Where the rows of a file come from, when its content is one we know. Pure. */

const AZURE_2021 =
  'Azure Functions invocation trace 2021 (Microsoft, CC-BY 4.0; Zhang et al., SOSP 2021)';

/** By SHA-256 of the file; a test holds the bundled ones. */
const SOURCES: ReadonlyMap<string, string> = new Map([
  [
    'd51e9c9ca79872313d94a26b8c52e82fc55855903c92c1f006cfd1a37700673b',
    `${AZURE_2021}, the 199 rows of In-Vitro's example piece`,
  ],
  [
    '797f1ae7d9ca0b1dab9e8b6d1b5e6b0dad417f9e55abe2236219d645a32b5431',
    `${AZURE_2021}, 106 of the 199 rows of In-Vitro's example piece: the applications with at ` +
      'least five invocations whose median runs for a second or longer',
  ],
]);

/** Null for a file whose rows may come from anywhere. */
export function knownSource(sha256: string): string | null {
  return SOURCES.get(sha256) ?? null;
}

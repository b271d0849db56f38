/** The parts that all pictures share: readable on light and dark pages, no script, no font to load. */

export const MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace';
export const FONT = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/**
 * `currentColor` has no meaning in an `<img>`, so the colours follow the reader's scheme. The page may not follow it:
 * the card behind the drawing does.
 */
const STYLE = `
  .card { fill: #ffffff; stroke: #d1d9e0; }
  .ink { fill: #1f2328; } .soft { fill: #59636e; } .line { stroke: #818b98; fill: none; } .room { fill: #f6f8fa; stroke: #818b98; } .tip { fill: #818b98; } .tick { stroke: #59636e; }
  .on { fill: #ffffff; } .queued { fill: #59636e; } .processing { fill: #0969da; } .unknown { fill: #8250df; } .completed { fill: #1a7f37; }
  .failed { fill: #cf222e; } .cancelled { fill: #9a6700; } .lost { fill: #bf3989; } .other { fill: #0a7676; } .miss { stroke: #cf222e; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #3d444d; }
    .ink { fill: #f0f6fc; } .soft { fill: #9198a1; } .line { stroke: #656c76; } .room { fill: #151b23; stroke: #656c76; } .tip { fill: #656c76; } .tick { stroke: #9198a1; }
    .on { fill: #0d1117; } .queued { fill: #9198a1; } .processing { fill: #4493f8; } .unknown { fill: #ab7df8; } .completed { fill: #3fb950; }
    .failed { fill: #f85149; } .cancelled { fill: #d29922; } .lost { fill: #db61a2; } .other { fill: #39c5bb; } .miss { stroke: #f85149; }
  }`;

/** A drawing of this size in CSS pixels, on a card. `title` is its text for screen readers. */
export function svg(width: number, height: number, title: string, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(title)}">
<title>${escape(title)}</title>
<style>${STYLE}
</style>
<rect class="card" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
${content}
</svg>
`;
}

export function text(
  x: number,
  y: number,
  words: string,
  { className = 'ink', size = 13, anchor = 'start', font = FONT, weight = 400 } = {},
): string {
  return `<text x="${round(x)}" y="${round(y)}" class="${className}" font-family="${escape(font)}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" xml:space="preserve">${escape(words)}</text>`;
}

export function escape(words: string): string {
  return words
    .replace(FORBIDDEN, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** What XML 1.0 cannot hold, not even escaped: https://www.w3.org/TR/xml/#charsets */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const FORBIDDEN = /[\0-\x08\v\f\x0E-\x1F\uD800-\uDFFF\uFFFE\uFFFF]/gu;

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

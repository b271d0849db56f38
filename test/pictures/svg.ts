/** The parts of a drawing that every picture of the docs shares: readable on light and dark pages, no script, no font to load. */

export const FONT = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/** `currentColor` has no meaning in an `<img>`, so the colours follow the reader's scheme by themselves. */
const STYLE = `
  .ink { fill: #1f2328; } .soft { fill: #59636e; } .line { stroke: #818b98; fill: none; } .room { fill: #f6f8fa; stroke: #818b98; }
  .accent { fill: #0969da; } .good { fill: #1a7f37; } .bad { fill: #cf222e; } .warm { fill: #9a6700; } .tip { fill: #818b98; }
  @media (prefers-color-scheme: dark) {
    .ink { fill: #f0f6fc; } .soft { fill: #9198a1; } .line { stroke: #656c76; } .room { fill: #151b23; stroke: #656c76; }
    .accent { fill: #4493f8; } .good { fill: #3fb950; } .bad { fill: #f85149; } .warm { fill: #d29922; } .tip { fill: #656c76; }
  }`;

export function svg(width: number, height: number, title: string, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(title)}">
<title>${escape(title)}</title>
<style>${STYLE}
</style>
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
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

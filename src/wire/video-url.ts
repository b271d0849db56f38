import { isObject } from './field-types.js';
import { placesShape, urlShape } from './reply-shape.js';
import type { Fields } from './wire.js';

/**
 * The texts that stand where the URL of a video belongs, the most trusted place first. Failures put their reason there.
 */
export function* textsAtPlaces(value: unknown, depth = 0): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (Array.isArray(value)) for (const one of value) yield* textsAtPlaces(one, depth + 1);
  else if (isObject(value) && depth <= MOST_LEVELS && isVideo(value)) {
    for (const shape of [urlShape, placesShape]) {
      for (const place of Object.values(shape().parse(value))) yield* textsAtPlaces(place, depth + 1);
    }
  }
}

const MOST_LEVELS = 4;

/** Lists of results name the type of each. */
function isVideo({ type }: Fields): boolean {
  return typeof type !== 'string' || /^video/i.test(type);
}

/**
 * The absolute URL that a text of a reply is, if a player can be sent there: http(s), or a path of the gateway's own,
 * resolved against the base URL that was asked.
 */
export function absoluteUrl(text: string | undefined, baseUrl: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (/^https?:\/\/[^\s/]\S*$/i.test(text)) return URL.canParse(text) ? text : undefined;
  const base = baseUrl === undefined ? undefined : absoluteBase(baseUrl);
  if (base === undefined || !/^\/(?![/\\])\S+$/.test(text)) return undefined;
  // The gateway knows its own paths, not the prefix under which a proxy serves them.
  const prefix = base.pathname.replace(/\/$/, '');
  const path = text.startsWith(`${prefix}/`) ? text : prefix + text;
  return URL.canParse(path, base.origin) ? new URL(path, base.origin).href : undefined;
}

/**
 * Whether this is the gateway's own endpoint for a video's bytes, at the origin that was asked: it requires the API
 * key.
 */
export function requiresKey(url: string, baseUrl: string | undefined): boolean {
  if (baseUrl === undefined || !/\/content\/?([?#]|$)/.test(url)) return false;
  return absoluteBase(baseUrl)?.origin === new URL(url).origin;
}

/** Lists of results have images too. */
export function isImage(url: string): boolean {
  return /\.(jpe?g|png|webp|gif|avif)([?#]|$)/i.test(url);
}

/** A relative base URL, that of a page's own proxy, is relative to the page. */
function absoluteBase(baseUrl: string): URL | undefined {
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  return URL.canParse(baseUrl, location?.href) ? new URL(baseUrl, location?.href) : undefined;
}

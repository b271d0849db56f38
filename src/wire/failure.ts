import { assignDefined } from '../fields.js';
import type { Failure } from '../task.js';
import { firstMatch } from './first-match.js';

/** What a reply contains about the failure of a task, from wherever it stands, the outermost first. */
export interface FailureReading {
  /** Texts that may be the reason, as they came. */
  readonly messages: readonly (string | undefined)[];
  /** Codes of the service and of its upstream. */
  readonly codes?: readonly (string | undefined)[];
  /** Words for the status, the service's own and its upstream's. */
  readonly statuses?: readonly (string | undefined)[];
}

/** The outermost message that is not empty, and the most specific of the codes. */
export function toFailure({ messages, codes = [], statuses = [] }: FailureReading): Failure {
  const texts = messages.filter((text) => text !== undefined).filter((text) => !isEmpty(text));
  const named = [...codes, ...texts.map(codeIn)].filter((code) => code !== undefined).filter((code) => !isNoCode(code));
  const rank = (code: string) => {
    const kind = kindOf(code);
    return kind ? ORDER.indexOf(kind) : ORDER.length + Number(/^\d+$/.test(code));
  };
  // Sorting is stable: of equally specific codes the outermost comes first.
  const [code] = named.sort((one, other) => rank(one) - rank(other));
  const byCode = code === undefined ? undefined : kindOf(code);
  const words = statuses.filter((word) => word !== undefined);
  const isExpired = words.some((word) => KINDS.expired.test(word));
  const kind = isExpired && byCode !== 'policy' ? 'expired' : (byCode ?? words.map(kindOf).find(Boolean) ?? 'unknown');
  return assignDefined({ message: texts[0] ?? 'no reason given', kind }, { code });
}

function isEmpty(text: string): boolean {
  return /^[^\p{L}\p{N}]*(null|undefined|none|nil|success|ok)?[^\p{L}\p{N}]*$/iu.test(text);
}

/** 0 and "success" beside an error are a service's way to write that there is none. */
function isNoCode(code: string): boolean {
  return /^(0|200|success|ok)$/i.test(code);
}

/**
 * The code in a text: "task failed, code: InvalidParameter, message: ..." and `{"error":{"code":"..."}}` are how
 * gateways pass their upstream's code on; some messages are nothing but a code.
 */
function codeIn(text: string): string | undefined {
  const [, named] = /\bcode["']? *[:=：] *["']?([\w.-]+)/i.exec(text) ?? [];
  return (
    named ??
    (/^[a-z]+([_.][a-z]+)+$|^([A-Z][a-z]+){2,}$/i.test(text) && /[_.]|[a-z][A-Z]/.test(text) ? text : undefined)
  );
}

function kindOf(code: string): Failure['kind'] | undefined {
  return firstMatch(KINDS, code);
}

// The most specific first. Codes of Ark (https://www.volcengine.com/docs/82379/1299023), of OpenAI and of the gateways.
const KINDS = {
  policy: /sensitive|policy|moderation|prohibited|violation|copyright|safe|nsfw|privacy|inspection|content_?filter/i,
  expired: /expired/i,
  'invalid-input': /invalid|missing|unsupported|param|bad_?request|not_?support|^4(00|13|15|22)$/i,
  provider: /internal|server|upstream|time_?out|timed|overload|unavailable|quota|limit|^5\d\d$|^429$/i,
} as const satisfies { readonly [Kind in Failure['kind']]?: RegExp };

const ORDER = /* @__PURE__ */ Object.keys(KINDS);

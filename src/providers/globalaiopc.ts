import { resultWire } from '../wire/index.js';
import { resultWindows } from '../windows.js';
import { defineProvider } from './provider.js';

/**
 * Returns an account at globalaiopc, which serves VEO on the result wire; the server is the one of xingchaoyiqing and
 * mingyan.
 * @throws TypeError at call time for options that are missing, unknown or not usable.
 */
export const globalaiopc = /* @__PURE__ */ defineProvider({
  name: 'globalaiopc',
  baseUrl: 'https://zcbservice.aizfw.cn/kyyReactApiServer',
  wire: resultWire,
  windows: resultWindows,
});

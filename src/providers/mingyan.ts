import { resultWire } from '../wire/index.js';
import { resultWindows } from '../windows.js';
import { defineProvider } from './provider.js';

/**
 * Returns an account at mingyan, which serves videos on the result wire; the server is the one of xingchaoyiqing and
 * globalaiopc.
 * @throws TypeError at call time for options that are missing, unknown or not usable.
 */
export const mingyan = /* @__PURE__ */ defineProvider({
  name: 'mingyan',
  baseUrl: 'https://zcbservice.aizfw.cn/kyyReactApiServer',
  wire: resultWire,
  windows: resultWindows,
});

import { resultWire } from '../wire/index.js';
import { resultWindows } from '../windows.js';
import { defineProvider } from './provider.js';

/** VEO at globalaiopc; the server is the one of xingchaoyiqing and mingyan. */
export const globalaiopc = /* @__PURE__ */ defineProvider({
  name: 'globalaiopc',
  baseUrl: 'https://zcbservice.aizfw.cn/kyyReactApiServer',
  wire: resultWire,
  windows: resultWindows,
});

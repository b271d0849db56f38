import { resultWire } from '../wire/index.js';
import { resultWindows } from '../windows.js';
import { defineProvider } from './provider.js';

/** Videos at mingyan; the server is the one of xingchaoyiqing and globalaiopc. */
export const mingyan = /* @__PURE__ */ defineProvider({
  name: 'mingyan',
  baseUrl: 'https://zcbservice.aizfw.cn/kyyReactApiServer',
  wire: resultWire,
  windows: resultWindows,
});

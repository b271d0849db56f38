import { resultWire } from '../wire/index.js';
import { resultWindows } from '../windows.js';
import { defineProvider } from './provider.js';

/** Seedance 1.5 at xingchaoyiqing. Task record and video are deleted a day after generation. */
export const xingchaoyiqing = /* @__PURE__ */ defineProvider({
  name: 'xingchaoyiqing',
  baseUrl: 'https://zcbservice.aizfw.cn/kyyReactApiServer',
  wire: resultWire,
  windows: resultWindows,
});

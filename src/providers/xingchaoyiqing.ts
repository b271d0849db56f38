import { resultWire } from '../wire/index.js';
import { resultWindows } from '../windows.js';
import { defineProvider } from './provider.js';

/**
 * Returns an account at xingchaoyiqing, which serves Seedance 1.5 on the result wire. It deletes the record of a task,
 * with its video, a day after generation.
 * @throws TypeError at call time for options that are missing, unknown or not usable.
 */
export const xingchaoyiqing = /* @__PURE__ */ defineProvider({
  name: 'xingchaoyiqing',
  baseUrl: 'https://zcbservice.aizfw.cn/kyyReactApiServer',
  wire: resultWire,
  windows: resultWindows,
});

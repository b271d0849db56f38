import { generationsWire } from '../wire/index.js';
import { generationsWindows } from '../windows.js';
import { defineProvider } from './provider.js';

/**
 * Returns an account at anyfast, which serves Seedance 2.0 on the generations wire.
 * @throws TypeError at call time for options that are missing, unknown or not usable.
 */
export const anyfast = /* @__PURE__ */ defineProvider({
  name: 'anyfast',
  baseUrl: 'https://www.anyfast.ai',
  otherHosts: ['www.anyfast.com.cn'],
  wire: generationsWire,
  windows: generationsWindows,
  minInterval: 15_000,
});

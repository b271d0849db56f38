import { generationsWire } from '../wire/index.js';
import { generationsWindows } from '../windows.js';
import { defineProvider } from './provider.js';

/** Seedance 2.0 at anyfast. */
export const anyfast = /* @__PURE__ */ defineProvider({
  name: 'anyfast',
  baseUrl: 'https://www.anyfast.ai',
  otherHosts: ['www.anyfast.com.cn'],
  wire: generationsWire,
  windows: generationsWindows,
  minInterval: 15_000,
});

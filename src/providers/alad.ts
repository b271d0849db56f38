import { generationsWire } from '../wire/index.js';
import { generationsWindows } from '../windows.js';
import { defineProvider } from './provider.js';

/**
 * Returns an account at alad, which serves Seedance 2.0 on the generations wire.
 * @throws TypeError at call time for options that are missing, unknown or not usable.
 */
export const alad = /* @__PURE__ */ defineProvider({
  name: 'alad',
  baseUrl: 'https://ai.alad.com',
  wire: generationsWire,
  windows: generationsWindows,
  minInterval: 15_000,
});

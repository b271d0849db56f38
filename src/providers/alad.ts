import { generationsWire } from '../wire/index.js';
import { generationsWindows } from '../windows.js';
import { defineProvider } from './provider.js';

/** Seedance 2.0 at alad. */
export const alad = /* @__PURE__ */ defineProvider({
  name: 'alad',
  baseUrl: 'https://ai.alad.com',
  wire: generationsWire,
  windows: generationsWindows,
  minInterval: 15_000,
});

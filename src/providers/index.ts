export { alad } from './alad.js';
export { anyfast } from './anyfast.js';
export { globalaiopc } from './globalaiopc.js';
export { mingyan } from './mingyan.js';
export { xingchaoyiqing } from './xingchaoyiqing.js';
export { defineProvider } from './provider.js';
export type { ApiKey, Provider, ProviderDefinition, ProviderOptions } from './provider.js';
export { toTaskRef, type CreatedTaskRef } from './to-task-ref.js';

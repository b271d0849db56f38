export {
  startSandbox,
  type Sandbox,
  type SandboxOptions,
  type SandboxOutcome,
  type SandboxService,
  type SandboxTaskRef,
  type SandboxTaskRequest,
} from './sandbox/start-sandbox.js';

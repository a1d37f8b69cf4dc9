import { startControlEndpoint } from './control-endpoint.ts';

/** The part of vitest's project that is used here. */
interface Project {
  provide(key: 'holdfastServers', value: string): void;
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** Address of the control endpoint in vitest's main process. */
    holdfastServers: string;
  }
}

/** Set-up of a whole vitest run: starts no server; the first test that asks for one does. */
export default async function setup(project: Project): Promise<() => Promise<void>> {
  const endpoint = await startControlEndpoint();
  project.provide('holdfastServers', endpoint.url);
  return () => endpoint.close();
}

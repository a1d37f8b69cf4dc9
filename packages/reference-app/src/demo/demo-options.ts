import type { ReplayOptions } from './replay-file.ts';

export interface SimulateOptions {
  readonly nodes: number;
  readonly seconds: number;
  readonly seed: number;
}

export type DemoInput =
  ({ readonly kind: 'simulate' } & SimulateOptions) | ({ readonly kind: 'replay' } & ReplayOptions);

export interface DemoOptions {
  readonly input: DemoInput;
  /** Servers to use instead of embedded ones. */
  readonly urls: {
    readonly postgres: string | undefined;
    readonly redis: string | undefined;
    readonly mqtt: string | undefined;
  };
}

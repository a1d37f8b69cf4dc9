import type { QueueSettings } from './store.ts';

/** Settings as a store writes them down for operators: JSON, null for `Infinity`. */
export function textOfSettings(settings: QueueSettings): string {
  return JSON.stringify(settings);
}

export function settingsOfText(text: string): QueueSettings {
  const { dead, agingMs, rate, ...rest } = JSON.parse(text) as Recorded;
  return {
    ...rest,
    dead: { ...dead, retentionMs: dead.retentionMs ?? Infinity },
    agingMs: agingMs ?? Infinity,
    rate,
  };
}

interface Recorded extends Omit<QueueSettings, 'dead' | 'agingMs'> {
  readonly dead: Omit<QueueSettings['dead'], 'retentionMs'> & {
    readonly retentionMs: number | null;
  };
  readonly agingMs: number | null;
}

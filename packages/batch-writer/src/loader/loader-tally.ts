/** What a loader counts. */
export interface LoaderTally {
  hits: number;
  negativeHits: number;
  staleHits: number;
  staleIfErrorHits: number;
  misses: number;
  joined: number;
  refused: number;
  loads: number;
  loadedKeys: number;
  failedKeys: number;
}

export function createLoaderTally(): LoaderTally {
  return {
    hits: 0,
    negativeHits: 0,
    staleHits: 0,
    staleIfErrorHits: 0,
    misses: 0,
    joined: 0,
    refused: 0,
    loads: 0,
    loadedKeys: 0,
    failedKeys: 0,
  };
}

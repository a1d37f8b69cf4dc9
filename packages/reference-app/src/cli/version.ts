import manifest from '../../package.json' with { type: 'json' };

/** Of the package; the build copies it in. */
export const VERSION: string = manifest.version;

import { libraryConfig } from '../../tsup.base.ts';

export default libraryConfig(['src/index.ts', 'src/postgres.ts', 'src/redis.ts', 'src/sqlite.ts'], {
  entry: 'src/cli.ts',
  bundled: ['cli-progress', 'commander'],
});

import { libraryConfig } from '../../tsup.base.ts';

export default libraryConfig(['src/index.ts'], {
  entry: 'src/cli.ts',
  bundled: ['cli-progress', 'commander'],
});

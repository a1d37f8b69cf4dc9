import { libraryConfig } from '../../tsup.base.ts';

export default libraryConfig(['src/index.ts', 'src/sim.ts', 'src/postgres.ts'], {
  entry: 'src/cli.ts',
  bundled: ['commander'],
});

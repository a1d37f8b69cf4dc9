import { libraryConfig } from '../../tsup.base.ts';

export default libraryConfig(['src/index.ts']);

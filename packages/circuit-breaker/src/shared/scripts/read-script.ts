import { Script } from '../../redis/scripts.ts';
import { CIRCUIT_LUA } from './circuit-lua.ts';

/** KEYS: as in `CIRCUIT_LUA`. */
export const READ: Script = new Script(`${CIRCUIT_LUA}
return view(0)`);

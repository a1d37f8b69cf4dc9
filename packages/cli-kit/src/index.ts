export { databaseUrl } from './database-url.ts';
export { explainToOperator } from './explain-to-operator.ts';
export { OperatorError } from './operator-error.ts';
export { parseCommand, type CommandProgram, type Unread } from './parse-command.ts';
export { runProgram, type ProgramContext } from './run-program.ts';
export { withDatabase, type DatabaseSettings } from './with-database.ts';

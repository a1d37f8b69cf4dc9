import { explainToOperator } from '@holdfast/cli-kit';
import { isHoldfastError } from '@holdfast/internal';

/** In one sentence, without credentials: what this package says is clear as it is. */
export function explain(error: unknown): string {
  const isOurs =
    isHoldfastError(error) || error instanceof TypeError || error instanceof RangeError;
  return isOurs ? error.message.replaceAll(/\s+/g, ' ') : explainToOperator(error);
}

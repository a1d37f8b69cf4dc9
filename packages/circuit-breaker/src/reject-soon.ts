const soon = Promise.resolve();

/**
 * A promise that rejects one microtask from now, when whoever awaits it listens already. One that is rejected from the
 * start first enters Node.js's books as an unhandled rejection, which costs more than all the rest of a rejected call.
 */
export function rejectSoon(error: unknown): Promise<never> {
  return new Promise((_resolve, reject) => {
    void soon.then(() => reject(error));
  });
}

/** What is needed of a pool: `pg.Pool`, whose `connect` also takes a callback, or anything whose `connect` only gives a promise. */
interface CheckOutPool<Client> {
  connect(): Promise<Client>;
}

type Callback<Client> = (error: Error | null | undefined, client?: Client) => void;

/**
 * Takes a client out of `pool` and resolves with what `use` makes of it. `use` runs in the very turn in which the pool
 * lets go of the client, so that a listener that it adds for `error` misses nothing: behind a promise it would come some
 * microtasks later, and a server that says in one piece of the stream that it is ready and that it ends would end the
 * process.
 */
export function checkOut<Client extends object, Used>(
  pool: CheckOutPool<Client>,
  use: (client: Client) => Used,
): Promise<Used> {
  return new Promise<Used>((resolve, reject) => {
    let isTaken = false;
    const take = (client: Client | undefined): void => {
      // A pool may answer in both ways, and its promise may then be empty.
      if (isTaken || client === undefined) return;
      isTaken = true;
      try {
        resolve(use(client));
      } catch (error) {
        reject(error);
      }
    };
    const ask = pool as { connect(callback: Callback<Client>): Promise<Client> | undefined };
    const promise = ask.connect((error, client) => {
      if (error) reject(error);
      else take(client);
    });
    promise?.then(take, reject);
  });
}

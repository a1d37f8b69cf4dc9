/** The outcome of a call that was turned away; its error is made when somebody reads it. */
export class Refusal {
  readonly ok = false;
  readonly #create: () => Error;
  #error: Error | undefined;

  constructor(create: () => Error) {
    this.#create = create;
  }

  get error(): Error {
    return (this.#error ??= this.#create());
  }
}

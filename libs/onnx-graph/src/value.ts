import assert from 'node:assert/strict';

/**
 * A value of one graph: an input, a weight, a constant or the output of an operator. Made by `GraphBuilder`
 * only, and used with the builder that made it. Its name may still change until the graph is saved.
 */
export class Value {
  /** The builder that made this value. */
  readonly owner: object;
  /** Where the value comes from. */
  readonly origin: 'input' | 'initializer' | 'node';
  #name: string;

  constructor(owner: object, origin: Value['origin'], name: string) {
    this.owner = owner;
    this.origin = origin;
    this.#name = name;
  }

  /** Name in the graph, unique there. */
  get name(): string {
    return this.#name;
  }

  /** Gives the output of an operator the name of a graph output. */
  rename(name: string): void {
    assert.equal(this.origin, 'node');
    this.#name = name;
  }
}

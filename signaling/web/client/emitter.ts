// The smallest typed event source that serves: one set of listeners per name.

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(data: never) => void>>();

  // Returns the function that stops listening.
  on<K extends keyof Events>(name: K, listener: (data: Events[K]) => void): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set.add(listener));
    return () => set.delete(listener);
  }

  protected emit<K extends keyof Events>(name: K, data: Events[K]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) (listener as (data: Events[K]) => void)(data);
  }
}

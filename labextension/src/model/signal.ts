/** This file is a signal without Lumino, which the widget's bundle does without. */

/** Tells whoever listens that something happened. */
export class Signal<T = void> {
  private readonly _listeners = new Set<(value: T) => void>();

  /** Listen; gives the function that ends it. */
  connect(listener: (value: T) => void): () => void {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  }

  /** Tell everybody. */
  emit(value: T): void {
    for (const listener of [...this._listeners]) {
      listener(value);
    }
  }
}

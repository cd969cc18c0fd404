/** A signal without Lumino, which is not in the widget's bundle. */

/** Notifies listeners that something happened. */
export class Signal<T = void> {
  private readonly _listeners = new Set<(value: T) => void>();

  /** Add a listener; returns a function that removes it. */
  connect(listener: (value: T) => void): () => void {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  }

  /** Notify all listeners. */
  emit(value: T): void {
    for (const listener of [...this._listeners]) {
      listener(value);
    }
  }
}

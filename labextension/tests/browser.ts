/** What a browser has and jsdom has not, as far as the tests need it. */

/** Nothing is laid out, so nothing changes its size. */
class NothingToObserve {
  observe(): void {
    return;
  }
  disconnect(): void {
    return;
  }
}

const missing = {
  ResizeObserver: NothingToObserve,
  DragEvent: globalThis.MouseEvent
};

for (const [name, value] of Object.entries(missing)) {
  if (!(name in globalThis)) {
    Object.assign(globalThis, { [name]: value });
  }
}

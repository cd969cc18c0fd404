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

// Some tests are not of a page.
if ('HTMLDialogElement' in globalThis) {
  Element.prototype.scrollIntoView = () => undefined;
  // A dialog as far as it opens and closes.
  Object.assign(HTMLDialogElement.prototype, {
    showModal(this: HTMLDialogElement): void {
      this.open = true;
    },
    close(this: HTMLDialogElement): void {
      this.open = false;
      this.dispatchEvent(new Event('close'));
    }
  });
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

/** What a browser has and jsdom has not, as far as the tests need it. */
import { options } from 'preact';

// By itself, preact waits for a frame, which may come when the page of the tests is gone.
options.requestAnimationFrame = callback => queueMicrotask(callback);

/** Nothing is laid out, so nothing changes its size. */
class NothingToObserve {
  observe(): void {
    return;
  }
  unobserve(): void {
    return;
  }
  disconnect(): void {
    return;
  }
}

// Some tests are not of a page.
if ('HTMLDialogElement' in globalThis) {
  // One page is for many files.
  document.body.replaceChildren();
  localStorage.clear();
  sessionStorage.clear();
  Element.prototype.scrollIntoView = () => undefined;
  Blob.prototype.text = function (): Promise<string> {
    const reader = new FileReader();
    reader.readAsText(this);
    return new Promise(resolve => (reader.onload = () => resolve(reader.result as string)));
  };
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

/** Whatever is observed is on the screen. */
class AllOnScreen {
  constructor(private readonly _tell: (entries: object[]) => void) {}
  observe(target: Element): void {
    this._tell([{ target, isIntersecting: true }]);
  }
  unobserve(): void {
    return;
  }
  disconnect(): void {
    return;
  }
}

const missing = {
  IntersectionObserver: AllOnScreen,
  ResizeObserver: NothingToObserve,
  DragEvent: globalThis.MouseEvent
};

for (const [name, value] of Object.entries(missing)) {
  if (!(name in globalThis)) {
    Object.assign(globalThis, { [name]: value });
  }
}

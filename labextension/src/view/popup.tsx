/** A button that opens a small list; Escape, a choice or a click elsewhere closes it. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface PopupProps {
  label: string;
  /** What the button shows. */
  face: ComponentChildren;
  kind?: string;
  /** Renders the list, which may close itself. */
  children: (close: () => void) => ComponentChildren;
  onOpen?: () => void;
}

export function Popup({ label, face, kind = '', children, onOpen }: PopupProps): JSX.Element {
  const node = useRef<HTMLDetailsElement>(null);
  const close = (): void => {
    node.current!.open = false;
  };
  useEffect(() => {
    const onPointer = (event: Event): void => {
      const target = event.target as Element;
      // A dialog of JupyterLab belongs to what was chosen in the list.
      if (!node.current!.contains(target) && !target.closest('.jp-Dialog')) {
        close();
      }
    };
    document.addEventListener('pointerdown', onPointer);
    return () => document.removeEventListener('pointerdown', onPointer);
  }, []);
  return (
    <details
      class={`aqueduct-menu ${kind}`}
      ref={node}
      // The browser fires this a moment later, when the popup may be gone.
      onToggle={() => node.current?.open && onOpen?.()}
      onKeyDown={event => {
        if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
          move(node.current!, event);
        }
        if (event.key === 'Escape' && node.current!.open) {
          event.stopPropagation();
          close();
          node.current!.querySelector('summary')!.focus();
        }
      }}
    >
      <summary class="aqueduct-icon-button" aria-label={label} title={label}>
        {face}
      </summary>
      <div class="aqueduct-menu-list">{children(close)}</div>
    </details>
  );
}

/** Move the focus along the list. */
function move(popup: HTMLDetailsElement, event: KeyboardEvent): void {
  const items = popup.querySelectorAll<HTMLElement>(
    '.aqueduct-menu-list :is(button, input):enabled'
  );
  const focused = document.activeElement as HTMLElement;
  // These use the keys themselves.
  if (['textarea', 'select'].includes(focused.localName)) {
    return;
  }
  const index = [...items].indexOf(focused);
  const next = items[event.key === 'ArrowDown' ? index + 1 : index - 1];
  if (popup.open && next) {
    event.preventDefault();
    next.focus();
  }
}

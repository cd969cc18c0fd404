/** The whole chat as a place to drop files of this computer; it lights up while they are over it. */
import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

import type { ChatModel } from '../model/chat';
import { attachFiles } from './composer';

/** The class of a chat over which something hangs that it can take. */
export const DROPPING = 'aqueduct-dropping';

export function useDrop(node: RefObject<HTMLElement>, model: ChatModel): void {
  useEffect(() => {
    const area = node.current!;
    const isOurs = (event: DragEvent): boolean =>
      event.dataTransfer?.types.includes('Files') ?? false;
    const onDragOver = (event: DragEvent): void => {
      if (isOurs(event)) {
        event.preventDefault();
        area.classList.add(DROPPING);
      }
    };
    const onDragLeave = (event: DragEvent): void => {
      // It leaves each element that it passes on its way through the chat.
      if (!area.contains(event.relatedTarget as Node | null)) {
        area.classList.remove(DROPPING);
      }
    };
    const onDrop = (event: DragEvent): void => {
      area.classList.remove(DROPPING);
      if (attachFiles(model, event.dataTransfer?.files ?? [])) {
        event.preventDefault();
      }
    };
    area.addEventListener('dragover', onDragOver);
    area.addEventListener('dragleave', onDragLeave);
    area.addEventListener('drop', onDrop);
    return () => {
      area.removeEventListener('dragover', onDragOver);
      area.removeEventListener('dragleave', onDragLeave);
      area.removeEventListener('drop', onDrop);
    };
  }, [model]);
}

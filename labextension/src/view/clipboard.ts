/** The clipboard, even on pages without TLS, where browsers block the modern API. */

import type { Words } from '../translation';

/**
 * Copy text.
 *
 * @throws Error with a message for the user
 */
export async function copyText(text: string, words: Words): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (!copyTheOldWay(text)) {
      throw new Error(
        words.__('The browser did not allow copying. Select the text and copy it yourself.')
      );
    }
  }
}

/** Returns whether the browser allowed it. */
function copyTheOldWay(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  const before = document.activeElement as HTMLElement | null;
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing newer works without TLS
  const isCopied = document.execCommand('copy');
  area.remove();
  before?.focus();
  return isCopied;
}

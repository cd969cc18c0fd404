/** How an answer ended, and what of a question is asked again. */
import type { Part, Turn } from '../protocol-types';

/** Whether an answer that ended is not all that the model would have said. */
export function isCut({ finish_reason }: Turn): boolean {
  return finish_reason === 'length' || finish_reason === 'content_filter';
}

/** Whether an answer ended early; one that failed counts if its text is kept. */
export function isEarly(turn: Turn, keepsFailed: boolean): boolean {
  const isFailed = turn.state === 'failed' && keepsFailed;
  return turn.answer !== '' && (turn.state === 'stopped' || isFailed || isCut(turn));
}

/** The attachments of a turn. */
export function partsOf({ content }: Turn): Part[] {
  return typeof content === 'string' ? [] : content.slice(0, -1);
}

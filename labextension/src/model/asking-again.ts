/** Asking the question of a turn again, and having a model go on with an answer that ended early. */
import type { Carrier, Question } from '../carriers/carrier';
import type { Context, Part, Turn } from '../protocol-types';
import type { Words } from '../translation';
import { isEarly, partsOf } from './endings';

/** What is said of a question besides. */
export type More = Pick<Question, 'continues' | 'turn'>;

/** Asks; as `ChatModel._ask`. */
type Ask = (
  prompt: string,
  files: readonly Part[],
  contexts: readonly Context[],
  before: string | null,
  more?: More
) => boolean;

interface Chat {
  readonly turns: readonly Turn[];
  readonly isReady: boolean;
}

export class AskingAgain {
  constructor(
    private readonly _chat: Chat,
    private readonly _carrier: Carrier,
    private readonly _words: Words,
    private readonly _ask: Ask
  ) {}

  /** Ask a turn's question again. */
  ask(turn: Turn): void {
    if (this._chat.isReady) {
      this._ask(turn.prompt, partsOf(turn), [], turn.id);
    }
  }

  /** Ask a turn's question again without its files, some of which no longer exist. */
  askWithoutFiles(turn: Turn): void {
    if (this._chat.isReady) {
      const texts = partsOf(turn).filter(part => part.type === 'text');
      this._ask(turn.prompt, texts, [], turn.id);
    }
  }

  /** Whether an answer ended early, so that the model can go on with it. */
  canContinue(turn: Turn): boolean {
    const { turns } = this._chat;
    const isLast = turn === turns[turns.length - 1];
    return isLast && isEarly(turn, this._carrier.continuesFailed === true);
  }

  /** Ask the model to go on where its answer ended. */
  goOn(turn: Turn): void {
    if (this._chat.isReady && this.canContinue(turn)) {
      // What the kernel's `%chat continue` asks, too.
      const prompt = this._words.__('Continue exactly where you stopped. Repeat nothing.');
      this._ask(prompt, [], [], null, this._carrier.continuesFailed ? { continues: true } : {});
    }
  }
}

/**
 * The carrier that talks to the server directly, so it never waits for a kernel.
 *
 * The server answers and keeps the conversations, so an answer goes on whatever becomes of the page.
 * The turns of the conversation on the page are in `open-conversation.ts`.
 */
import { Newest } from '../model/newest';
import { sentenceOf } from '../model/plain-text';
import { Signal } from '../model/signal';
import { contentOf, newTurn, type FileFields, type Part } from '../protocol-types';
import type { Api } from './api';
import { CarrierError, type Carrier, type CarrierEvent, type Question } from './carrier';
import type { ConversationEvent } from './conversation-events';
import { addressOf, Conversations } from './conversations';
import { Following } from './following';
import { OpenConversation } from './open-conversation';
import type { ConversationParameters, ParametersOwner } from './parameters';
import { setupIn } from './received';

export class ServerCarrier implements Carrier, ParametersOwner {
  readonly continuesFailed = true;
  readonly takesTexts = true;
  readonly conversations: Conversations;
  /** Emitted when another conversation is shown or the current one is renamed. */
  readonly opened = new Signal();
  /** Emitted when a request begins or ends. */
  readonly asked = new Signal();
  /** The system message of every question. */
  system: string | null = null;
  /** What the model may know about the notebook that the user sees. */
  facts: () => string | null = () => null;
  current: OpenConversation;

  private _listener: (event: CarrierEvent) => void = () => undefined;
  private _following: Following | null = null;
  private readonly _refreshed = new Newest();
  private readonly _shown = new Newest();

  constructor(private readonly _api: Api) {
    this.conversations = new Conversations(_api);
    this.current = new OpenConversation(this.conversations);
  }

  /** Whether no question has been asked and no conversation opened yet. */
  get isUntouched(): boolean {
    return this._shown.isUntouched;
  }

  connect(listener: (event: CarrierEvent) => void): void {
    this._listener = listener;
    this.refresh().catch(this.complain);
  }

  /** Refresh the list of models. */
  async refresh(): Promise<void> {
    const isNewest = this._refreshed.begin();
    const setup = setupIn(await this._api.json('aqueduct/status'));
    if (isNewest()) {
      this._listener({ type: 'setup', setup });
    }
  }

  /** Show a stored conversation, unless a newer call supersedes this one; null shows a new one. */
  async open(id: string | null): Promise<void> {
    const isNewest = this._shown.begin();
    if (id === null) {
      this._show(new OpenConversation(this.conversations), null);
      return;
    }
    if (id === this.current.id && !this.current.isDeleted) {
      return;
    }
    const conversation = new OpenConversation(this.conversations, id);
    const following = this._follow(conversation);
    try {
      await following.begun;
      if (isNewest()) {
        this._show(conversation, following);
      } else {
        following.close();
      }
    } catch (error) {
      following.close();
      // If the user has moved on, the error no longer matters.
      if (isNewest()) {
        throw error;
      }
    }
  }

  /** Rename a conversation. */
  async rename(conversation: OpenConversation, name: string): Promise<void> {
    await conversation.rename(name);
    if (conversation.id === this.current.id) {
      this.current.name = conversation.name;
    }
    this.opened.emit();
  }

  /** Have the current conversation be asked with other parameters. */
  setParameters(parameters: ConversationParameters): void {
    this.current.setParameters(parameters).catch(this.complain);
    this.opened.emit();
  }

  /** Delete a conversation; the server stops its running answer. */
  async delete(conversation: OpenConversation): Promise<void> {
    await conversation.delete();
    if (conversation === this.current || conversation.id === this.current.id) {
      this._show(new OpenConversation(this.conversations), null);
    }
  }

  ask(question: Question): void {
    const { request, prompt, contexts, files, model, before, continues = false } = question;
    // The question belongs to the conversation on the page now, even if another one is loading.
    this._shown.begin();
    if (this.current.isDeleted) {
      this._show(new OpenConversation(this.conversations), null, { isInPlace: true, request });
    }
    const conversation = this.current;
    const turn = newTurn(prompt, contentOf(prompt, contexts, files), question.turn);
    conversation.begin(turn, request, before);
    this._listener({ type: 'begun', request, turn, before });
    this.asked.emit();
    const { id, content } = turn;
    const told = { system: this.system, facts: this.facts() };
    const asking = { id, request, prompt, content, model, before, continues, ...told };
    conversation
      .ask(asking, () => this._begin(conversation))
      .then(event => {
        this._tell(conversation, event);
        if (event) {
          // Another answer may be running.
          this._tell(conversation, conversation.shown);
        }
      })
      .catch(this.complain);
  }

  stop(request: string): void {
    this.current.stop(request).catch(this.complain);
    this.asked.emit();
  }

  remove(turn: string): boolean {
    const canReturn = this.current.keeps(turn);
    this.current.remove(turn).catch(this.complain);
    return canReturn;
  }

  restore(turn: string): void {
    this.current.restore(turn).catch(this.complain);
  }

  choose(turn: string, version: number): void {
    this.current.choose(turn, version).catch(this.complain);
  }

  async upload(file: File, progress: (share: number) => void, signal: AbortSignal): Promise<Part> {
    const id = await this._api.upload(file, progress, signal);
    return { type: 'file', file: { file_id: id, filename: file.name } };
  }

  async download({ file_id: id = '' }: FileFields): Promise<Blob> {
    return (await this._api.request(`files/${encodeURIComponent(id)}/content`)).blob();
  }

  /** Show what went wrong; the error handler of every promise that nobody awaits. */
  readonly complain = (error: unknown): void => {
    this._listener({ type: 'trouble', message: sentenceOf(error) });
  };

  dispose(): void {
    this._listener = () => undefined;
    this._following?.close();
  }

  /** Follow a conversation that has just been created. */
  private _begin(conversation: OpenConversation): void {
    if (conversation === this.current) {
      this._listener({ type: 'created', id: conversation.id! });
      this._following?.close();
      this._following = this._follow(conversation);
      this.opened.emit();
    }
  }

  private _follow(conversation: OpenConversation): Following {
    return new Following(this._api, `${addressOf(conversation.id!)}/events`, {
      take: event => this._take(conversation, event),
      lost: isLost => this._tell(conversation, { type: 'connection', isLost }),
      isRunning: () => conversation.running !== null
    });
  }

  private _take(conversation: OpenConversation, event: ConversationEvent): void {
    const { name, parameters, running, isDeleted } = conversation;
    this._tell(conversation, conversation.take(event));
    if (conversation !== this.current) {
      return;
    }
    if (event.type === 'deleted' && !isDeleted) {
      this._show(new OpenConversation(this.conversations), null, { isInPlace: true });
      const words = this._api.words.__('This conversation was deleted in another window.');
      this.complain(new CarrierError(words));
    } else if (conversation.name !== name || conversation.parameters !== parameters) {
      this.opened.emit();
    }
    if (conversation.running !== running) {
      this.asked.emit();
    }
  }

  private _show(
    conversation: OpenConversation,
    following: Following | null,
    how: { isInPlace?: boolean; request?: string } = {}
  ): void {
    this._following?.close();
    this._following = following;
    this.current = conversation;
    this._listener({ type: 'opened', to: conversation.id, ...how });
    this._listener({ type: 'connection', isLost: false });
    this._listener(conversation.shown);
    this.opened.emit();
  }

  private _tell(conversation: OpenConversation, event: CarrierEvent | null): void {
    if (event && conversation === this.current) {
      this._listener(event);
    }
  }
}

/**
 * The carrier that talks to a notebook's kernel, which owns the turns.
 *
 * Messages are anywidget's custom messages, as defined in `aqueduct_jupyter/protocol/panel.py`. A
 * kernel that runs a cell reads no messages, unless they go to a subshell. They do once the kernel
 * has answered one from a subshell, so we repeat the hello until then.
 */
import { sentenceOf } from '../model/plain-text';
import { Signal } from '../model/signal';
import { ENGLISH, type Words } from '../translation';
import { newId, type Part } from '../protocol-types';
import { CarrierError, type Carrier, type CarrierEvent, type Question } from './carrier';
import { messageIn, type Received } from './kernel-messages';
import { NO_PARAMETERS, type ConversationParameters, type ParametersOwner } from './parameters';
import type { Variable } from './variables';

/** What the carrier needs from the front end. */
export interface Channel {
  send(message: object, buffers?: ArrayBuffer[]): void;
  onMessage(listener: (message: unknown) => void): () => void;
}

/** The interval and the number of hellos. */
const HELLO_EVERY_MS = 500;
const MOST_HELLOS = 20;

/** How long the kernel may take to list its variables. */
const LIST_MS = 5000;

/** How long it may take to describe one of them. */
const ATTACH_MS = 30_000;

/** The parameters that a panel's conversation has. */
const NAMES = ['system', 'temperature', 'max_tokens', 'reasoning_effort'] as const;

/** Bytes of a file per message; servers limit a message to 10 MB. */
const PIECE_BYTES = 512 * 1024;

export class KernelCarrier implements Carrier, ParametersOwner {
  readonly continuesFailed = true;
  readonly current = { parameters: NO_PARAMETERS };
  system: string | null = null;
  /** Emitted when there are other parameters. */
  readonly set = new Signal();
  /** Emitted with a transcript for the notebook to keep, which this page was not shown. */
  readonly kept = new Signal<{ html: string; text: string }>();

  private readonly _page = newId();
  private _listener: (event: CarrierEvent) => void = () => undefined;
  private _timer: ReturnType<typeof setTimeout> | null = null;
  private readonly _uploads = new Map<string, (message: Received) => void>();
  private _listed: (variables: Variable[]) => void = () => undefined;
  /** Who waits for a variable, in the order of asking; each is told what went wrong, if anything. */
  private readonly _attaching = new Set<(error: string | null) => void>();
  private _disconnect: () => void = () => undefined;

  constructor(
    private readonly _channel: Channel,
    private readonly _words: Words = ENGLISH
  ) {}

  connect(listener: (event: CarrierEvent) => void): void {
    this._listener = listener;
    this._disconnect = this._channel.onMessage(message => this._take(message));
    this._greet(MOST_HELLOS);
  }

  ask(question: Question): void {
    const { request, prompt, contexts, files, model, before, continues = false } = question;
    // The kernel already has the contexts, so their names are enough.
    const names = contexts.map(({ name }) => name);
    const asked = { request, prompt, contexts: names, files, model, before, continues };
    this._tell({ type: 'ask', ...asked });
  }

  stop(request: string): void {
    this._try({ type: 'stop', request });
  }

  remove(turn: string): boolean {
    return this._try({ type: 'remove', turn });
  }

  restore(turn: string): void {
    this._try({ type: 'restore', turn });
  }

  choose(turn: string, version: number): void {
    this._try({ type: 'choose', turn, version });
  }

  async upload(file: File, progress: (share: number) => void, signal: AbortSignal): Promise<Part> {
    const upload = newId();
    let offset = 0;
    for (;;) {
      const piece = await file.slice(offset, offset + PIECE_BYTES).arrayBuffer();
      const { bytes, part } = await this._sendPiece(upload, file, piece, signal);
      progress(bytes / file.size);
      if (part) {
        return part;
      }
      if (bytes <= offset) {
        throw new CarrierError(
          this._words.__('The kernel did not accept the file. Attach it again.')
        );
      }
      offset = bytes;
    }
  }

  /**
   * List the kernel's variables.
   *
   * @throws CarrierError if the kernel does not answer, because it is busy or gone
   */
  variables(): Promise<Variable[]> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(this._silent()), LIST_MS);
      this._listed = found => {
        clearTimeout(timer);
        resolve(found);
      };
      this._tell({ type: 'list' });
    });
  }

  setParameters(parameters: ConversationParameters): void {
    const before = this.current.parameters;
    // Another panel may have set the others meanwhile.
    const changed = NAMES.filter(name => parameters[name] !== before[name]);
    const told = Object.fromEntries(changed.map(name => [name, parameters[name]]));
    if (this._try({ type: 'set_parameters', parameters: told })) {
      this.current.parameters = parameters;
      this.set.emit();
    }
  }

  /**
   * Attach a variable to the next question; it comes as an event, and then this resolves.
   *
   * @throws CarrierError if the kernel cannot attach it, or does not answer
   */
  attach(reference: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this._tell({ type: 'attach', reference });
      const timer = setTimeout(() => {
        this._attaching.delete(settle);
        reject(this._silent());
      }, ATTACH_MS);
      const settle = (error: string | null): void => {
        clearTimeout(timer);
        if (error === null) {
          resolve();
        } else {
          reject(new CarrierError(error));
        }
      };
      this._attaching.add(settle);
    });
  }

  dispose(): void {
    this._disconnect();
    this._stopGreeting();
  }

  private _tell(message: object): void {
    try {
      this._channel.send(message);
    } catch {
      // A channel ends with the kernel that opened it.
      throw new CarrierError(
        this._words.__('The kernel was restarted, so this panel cannot ask. Run its cell again.')
      );
    }
  }

  /** Send a message that the user asked for with a click; returns whether that was possible. */
  private _try(message: object): boolean {
    try {
      this._tell(message);
      return true;
    } catch (error) {
      this._listener({ type: 'trouble', message: sentenceOf(error) });
      return false;
    }
  }

  /** Tell who has waited longest that what it attaches has come, or why it does not. */
  private _attached(error: string | null): void {
    const [settle] = this._attaching;
    if (settle) {
      this._attaching.delete(settle);
      settle(error);
    }
  }

  private _silent(): CarrierError {
    return new CarrierError(this._words.__('The kernel does not answer; it may be busy.'));
  }

  private _sendPiece(
    upload: string,
    file: File,
    piece: ArrayBuffer,
    signal: AbortSignal
  ): Promise<Received> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this._uploads.delete(upload);
        this._channel.send({ type: 'forget', upload });
        reject(new CarrierError(this._words.__('The upload was stopped.')));
      };
      if (signal.aborted) {
        stop();
        return;
      }
      signal.addEventListener('abort', stop, { once: true });
      this._uploads.set(upload, message => {
        this._uploads.delete(upload);
        signal.removeEventListener('abort', stop);
        resolve(message);
      });
      this._channel.send({ type: 'upload', upload, name: file.name, bytes: file.size }, [piece]);
    });
  }

  private _greet(times: number): void {
    this._channel.send({ type: 'hello', page: this._page });
    this._timer = setTimeout(() => {
      if (times > 1) {
        this._greet(times - 1);
      }
    }, HELLO_EVERY_MS);
  }

  private _stopGreeting(): void {
    if (this._timer !== null) {
      clearTimeout(this._timer);
      this._timer = null;
    }
  }

  private _takeParameters(parameters: ConversationParameters, system: string | null): void {
    const before = [this.current.parameters, this.system];
    // What the user has just set is told back; nothing is drawn over what is being typed meanwhile.
    if (JSON.stringify([parameters, system]) !== JSON.stringify(before)) {
      this.current.parameters = parameters;
      this.system = system;
      this.set.emit();
    }
  }

  private _take(value: unknown): void {
    const message = messageIn(value);
    if (!message) {
      return;
    }
    switch (message.type) {
      case 'welcome':
        if (message.is_subshell) {
          this._stopGreeting();
        }
        break;
      case 'variables':
        this._listed(message.variables);
        break;
      case 'parameters':
        this._takeParameters(message.parameters, message.system);
        break;
      case 'kept':
        this.kept.emit(message);
        break;
      case 'received':
        this._uploads.get(message.upload)?.(message);
        break;
      default:
        this._listener(message);
        if (message.type === 'attached') {
          this._attached(null);
        } else if (message.type === 'trouble') {
          this._attached(sentenceOf(message.message));
        }
    }
  }
}

/** The first minute: get the small model, or connect a service, without leaving the chat. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import type { Api } from '../carriers/api';
import { numberIn, objectIn, plainOrNull } from '../carriers/json';
import { plainText, sentenceOf } from '../model/plain-text';
import type { Words } from '../translation';

/** How often the download is looked at, in milliseconds. */
const LOOK_MS = 1000;

interface SetUpProps {
  api: Api;
  words: Words;
  /** Called when there is a model. */
  done: () => void;
}

/** What becomes of the embedded model; sizes in bytes. */
interface Download {
  state: string;
  model: string;
  bytes: number;
  total: number;
  error: string | null;
}

export function SetUp({ api, words, done }: SetUpProps): JSX.Element {
  const [download, setDownload] = useState<Download | null>(null);
  const [isConnecting, setConnecting] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const take = (answer: Promise<unknown>): void => {
    answer
      .then(value => {
        const found = downloadIn(value);
        setDownload(found);
        if (found.state === 'ready') {
          done();
        }
      })
      .catch((error: unknown) => setTrouble(sentenceOf(error)));
  };
  const look = (): void => take(api.json('aqueduct/setup'));
  useEffect(look, []);
  useEffect(() => {
    if (download?.state !== 'downloading') {
      return;
    }
    const timer = window.setTimeout(look, LOOK_MS);
    return () => window.clearTimeout(timer);
  }, [download]);
  const isLoading = download?.state === 'downloading';
  return (
    <div class="aqueduct-set-up">
      <h2>{words.__('Choose a model')}</h2>
      <p>
        {words.__('This server has no language model yet. Set one up here; nothing is restarted.')}
      </p>
      {(trouble ?? download?.error) && (
        <div class="aqueduct-error" role="alert">
          <p>{trouble ?? download?.error}</p>
        </div>
      )}
      {isLoading ? (
        <Progress download={download} words={words} />
      ) : (
        <button
          type="button"
          class="aqueduct-button aqueduct-choice"
          onClick={() => {
            setTrouble(null);
            take(api.json('aqueduct/setup/embedded', 'POST'));
          }}
        >
          <b>{words.__('Get the small model')}</b>
          <small>
            {download
              ? words.__(
                  'A demonstration that runs on this server: %1 MB, no account, modest answers.',
                  megabytes(download.total)
                )
              : words.__('A demonstration that runs on this server: no account, modest answers.')}
          </small>
        </button>
      )}
      {isConnecting ? (
        <Connect api={api} words={words} done={done} cancel={() => setConnecting(false)} />
      ) : (
        <button
          type="button"
          class="aqueduct-button aqueduct-choice"
          onClick={() => setConnecting(true)}
        >
          <b>{words.__('Connect a service…')}</b>
          <small>
            {words.__('OpenAI, vLLM, Ollama, or any other with an OpenAI-compatible API.')}
          </small>
        </button>
      )}
    </div>
  );
}

function Progress({ download, words }: { download: Download; words: Words }): JSX.Element {
  const { bytes, total, model } = download;
  const name = plainText(model);
  return (
    <p class="aqueduct-progress" role="status">
      <progress
        value={bytes || undefined}
        max={total}
        aria-label={words.__('Downloading %1', name)}
      />
      {words.__('Downloading %1: %2 of %3 MB', name, megabytes(bytes), megabytes(total))}
    </p>
  );
}

function Connect(props: SetUpProps & { cancel: () => void }): JSX.Element {
  const { api, words, done, cancel } = props;
  const [address, setAddress] = useState('');
  const [name, setName] = useState<string | null>(null);
  const [key, setKey] = useState('');
  const [isTrying, setTrying] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const shown = name ?? nameOf(address);
  const connect = async (): Promise<void> => {
    setTrying(true);
    setTrouble(null);
    try {
      const asked = { name: shown, base_url: address, api_key: key };
      await api.json('aqueduct/setup/services', 'POST', asked);
      done();
    } catch (error) {
      setTrouble(sentenceOf(error));
    } finally {
      setTrying(false);
    }
  };
  return (
    <form
      class="aqueduct-connect"
      onSubmit={event => {
        event.preventDefault();
        connect().catch(() => undefined);
      }}
    >
      <label>
        {words.__('Address')}
        <input
          type="url"
          required
          value={address}
          placeholder={words.__('https://api.openai.com/v1')}
          onInput={event => setAddress(event.currentTarget.value)}
        />
      </label>
      <label>
        {words.__('Key, if it needs one')}
        <input
          type="password"
          autocomplete="off"
          value={key}
          onInput={event => setKey(event.currentTarget.value)}
        />
      </label>
      <label>
        {words.__('Name on this server')}
        <input
          required
          pattern="[A-Za-z0-9_\-][A-Za-z0-9._\-]{0,59}"
          value={shown}
          onInput={event => setName(event.currentTarget.value)}
        />
      </label>
      <small>
        {words.__(
          'The key is kept in a file on this server that only you can read, never in a notebook.'
        )}
      </small>
      {trouble && (
        <div class="aqueduct-error" role="alert">
          <p>{trouble}</p>
        </div>
      )}
      <span class="aqueduct-choices">
        <button type="submit" class="aqueduct-button" disabled={isTrying}>
          {isTrying ? words.__('Asking for its models…') : words.__('Connect')}
        </button>
        <button type="button" class="aqueduct-button" onClick={cancel}>
          {words.__('Cancel')}
        </button>
      </span>
    </form>
  );
}

function downloadIn(value: unknown): Download {
  const fields = objectIn(objectIn(value).embedded);
  return {
    state: plainText(fields.state),
    model: plainText(fields.model),
    bytes: numberIn(fields.bytes),
    total: numberIn(fields.total_bytes),
    error: plainOrNull(fields.error, 2000)
  };
}

/** A name for a service from its address: `openai` for https://api.openai.com/v1. */
function nameOf(address: string): string {
  let host: string;
  try {
    host = new URL(address).hostname;
  } catch {
    return '';
  }
  const parts = host.split('.');
  const isNamed = parts.length > 1 && /[a-z]/i.test(host);
  return isNamed ? parts[parts.length - 2]! : 'own';
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 2 ** 20);
}

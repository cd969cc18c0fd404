/** Files that went along from this page, for whoever looks at them after they were sent. */
import type { Carrier } from '../carriers/carrier';
import type { FileFields, Part } from '../protocol-types';
import type { Words } from '../translation';

/** How many sent files stay on the page. */
const MOST_KEPT = 20;

export class SentFiles {
  /** By the id or hash of each file. */
  private readonly _files = new Map<string, File>();

  constructor(
    private readonly _carrier: Carrier,
    private readonly _words: Words
  ) {}

  /** Keep a file; only the latest ones stay. */
  keep(file: File, part: Part): void {
    const key = keyOf(part);
    if (key) {
      this._files.set(key, file);
      const oldest = [...this._files.keys()][0]!;
      if (this._files.size > MOST_KEPT) {
        this._files.delete(oldest);
      }
    }
  }

  /** Whether the bytes of a part can be had: from this page, or from whoever keeps the file. */
  has(part: Part): boolean {
    const isKept = Boolean(fileOf(part).file_id && 'download' in this._carrier);
    return isKept || dataOf(part) !== '' || this._files.has(keyOf(part));
  }

  /**
   * Get the bytes of a file that was sent.
   *
   * @throws Error with a message for the user
   */
  async download(part: Part): Promise<Blob> {
    const data = dataOf(part);
    if (data) {
      // The bytes stand in the address, so nobody is asked.
      return (await fetch(data)).blob();
    }
    const sent = this._files.get(keyOf(part));
    if (sent) {
      return sent;
    }
    const file = fileOf(part);
    if (!file.file_id || !this._carrier.download) {
      throw new Error(
        this._words.__(
          'The server does not keep this file. It opens only on the page that attached it, until you reload that page.'
        )
      );
    }
    return this._carrier.download(file);
  }
}

/** A part as others may have stored it, who leave out what they like. */
interface Stored {
  image_url?: { url?: unknown } | null;
  file?: (FileFields & { file_data?: unknown }) | null;
}

function fileOf(part: Part): NonNullable<Stored['file']> {
  return (part as Stored).file ?? {};
}

/** The `data:` address of a part that has its bytes in itself; '' if it has not. */
function dataOf(part: Part): string {
  const picture = (part as Stored).image_url?.url;
  if (typeof picture === 'string' && picture.startsWith('data:image/')) {
    return picture;
  }
  const { file_data: data } = fileOf(part);
  if (typeof data !== 'string' || !data) {
    return '';
  }
  return data.startsWith('data:') ? data : `data:application/octet-stream;base64,${data}`;
}

function keyOf(part: Part): string {
  const { file_id: id, sha256 } = fileOf(part);
  return id ?? sha256 ?? '';
}

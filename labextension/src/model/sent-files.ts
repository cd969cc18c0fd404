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
    const isData = isPicture(addressOf(part));
    const isKept = Boolean((part as Stored).file?.file_id && 'download' in this._carrier);
    return isData || isKept || this._files.has(keyOf(part));
  }

  /**
   * Get the bytes of a file that was sent.
   *
   * @throws Error with a message for the user
   */
  async download(part: Part): Promise<Blob> {
    const address = addressOf(part);
    if (isPicture(address)) {
      return (await fetch(address)).blob();
    }
    const sent = this._files.get(keyOf(part));
    if (sent) {
      return sent;
    }
    const file = part.type === 'file' ? part.file : {};
    if (!file.file_id || !this._carrier.download) {
      throw new Error(this._words.__('The file was sent, but it is no longer on this page.'));
    }
    return this._carrier.download(file);
  }
}

/** A part as others may have stored it, who leave out what they like. */
interface Stored {
  image_url?: { url?: unknown } | null;
  file?: FileFields | null;
}

/** The address of a part's picture. */
function addressOf(part: Part): string {
  const address = (part as Stored).image_url?.url;
  return typeof address === 'string' ? address : '';
}

/** Whether a picture stands in its address, so that showing it asks nobody. */
function isPicture(address: string): boolean {
  return address.startsWith('data:image/');
}

function keyOf(part: Part): string {
  const file = (part as Stored).file;
  return file?.file_id ?? file?.sha256 ?? '';
}

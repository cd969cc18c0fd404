/**
 * An SVG drawing of an output -> a PNG, because models do not see SVG.
 *
 * The drawing is hostile. As an image it runs no script and loads nothing; what would let the browser
 * draw for hours is refused first.
 */
import type { Drawing } from '../protocol-types';

/** The longest drawing, in characters, and the most that its references may make of it. */
const LONGEST = 5_000_000;
const MOST_USES = 100_000;

/** The longer side of the picture in pixels, and how much a small drawing is made larger. */
const LONGEST_SIDE = 1600;
const LARGEST_SCALE = 2;

/** How long a browser may take to read a drawing, in milliseconds. */
const PATIENCE_MS = 10_000;

const NAMESPACE = 'http://www.w3.org/2000/svg';

/** A drawing that becomes a picture of a name, once it is needed. */
export function svgDrawing(svg: string, name: string): Drawing {
  return { name, draw: () => drawn(svg, name) };
}

/** Whether drawing takes no longer than its length says. */
export function isBounded(svg: string): boolean {
  if (svg.length > LONGEST || /<!(?:DOCTYPE[^>]*\[|ENTITY)/i.test(svg)) {
    return false;
  }
  const page = new DOMParser().parseFromString(svg, 'image/svg+xml');
  const costs = new Map<Element, number>();
  /** How many references a part makes; one to itself makes too many. */
  const costOf = (part: Element): number => {
    const known = costs.get(part);
    if (known !== undefined) {
      return known;
    }
    costs.set(part, Infinity);
    let cost = 0;
    for (const use of usesIn(part)) {
      const target = page.getElementById(referenceOf(use));
      cost += 1 + (target ? costOf(target) : 0);
      if (cost > MOST_USES) {
        return Infinity;
      }
    }
    costs.set(part, cost);
    return cost;
  };
  return costOf(page.documentElement) <= MOST_USES;
}

function usesIn(part: Element): Element[] {
  const own = part.localName === 'use' ? [part] : [];
  return [...own, ...part.getElementsByTagNameNS(NAMESPACE, 'use')];
}

function referenceOf(use: Element): string {
  const reference =
    use.getAttribute('href') ?? use.getAttributeNS('http://www.w3.org/1999/xlink', 'href') ?? '';
  return reference.trim().replace(/^#/, '');
}

/**
 * Draw it.
 *
 * @throws Error if it cannot be drawn, or the browser does not give the result away
 */
async function drawn(svg: string, name: string): Promise<File> {
  if (!isBounded(svg)) {
    throw new Error(name);
  }
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    const image = await loaded(url);
    const { naturalWidth: width, naturalHeight: height } = image;
    const scale = Math.min(LARGEST_SCALE, LONGEST_SIDE / Math.max(width, height, 1));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const area = canvas.getContext('2d')!;
    // Most drawings are made for paper.
    area.fillStyle = 'white';
    area.fillRect(0, 0, canvas.width, canvas.height);
    area.drawImage(image, 0, 0, canvas.width, canvas.height);
    // What has HTML within may be kept back, which is thrown here.
    const bytes = await new Promise<Blob | null>(resolve => canvas.toBlob(resolve, 'image/png'));
    if (!bytes) {
      throw new Error(name);
    }
    return new File([bytes], name, { type: 'image/png' });
  } finally {
    URL.revokeObjectURL(url);
  }
}

function loaded(url: string): Promise<HTMLImageElement> {
  const image = new Image();
  return new Promise((resolve, reject) => {
    const timer = window.setTimeout(() => reject(new Error(url)), PATIENCE_MS);
    image.onload = () => {
      window.clearTimeout(timer);
      resolve(image);
    };
    image.onerror = () => {
      window.clearTimeout(timer);
      reject(new Error(url));
    };
    image.src = url;
  });
}

/**
 * Values in JSON from elsewhere, whose types nobody vouches for: what can be used of each.
 *
 * What they mean is left to those who read them.
 */
import { plainText } from '../model/plain-text';

export type JSONObject = Record<string, unknown>;

export function isObject(value: unknown): value is JSONObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function objectIn(value: unknown): JSONObject {
  return isObject(value) ? value : {};
}

export function listIn(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The texts of a list, as they came. */
export function textsIn(value: unknown): string[] {
  return listIn(value).filter(text => typeof text === 'string');
}

export function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** A text to show, or null where there is none. */
export function plainOrNull(value: unknown, most?: number): string | null {
  return plainText(value, most) || null;
}

export function numberIn(value: unknown, otherwise = 0): number {
  return Number.isFinite(value) ? (value as number) : otherwise;
}

/** How many there are of something; null for anything that nobody could have counted. */
export function countOrNull(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}

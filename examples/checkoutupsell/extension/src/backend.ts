import type {Host, Question} from './host';

export interface Suggestion {
  variant_id: number;
  kind: 'addon' | 'warranty';
  title: string;
  price: string;
  reason: string;
  /** Percent that the register may take off without asking; 0 for none. */
  percent: number;
  off?: string;
  most_percent: number;
}

export interface Discount {
  state: 'pending' | 'working' | 'ready' | 'refused';
  variant_id: number;
  percent: number;
  off: string;
  code?: string;
  reason?: string;
}

export interface Offer {
  offer: string;
  cart: string;
  show: boolean;
  loyalty: boolean;
  currency: string;
  suggestions: Suggestion[];
  discount?: Discount;
}

/** How long the register waits, in ms: the backend answers within 800, the rest is the way. */
export const PATIENCE = 1500;

/**
 * A call of the backend. It never throws: whatever goes wrong, no token, no network, a
 * slow or confused backend, is undefined, and the register goes on without us.
 */
async function call(host: Host, path: string, body?: unknown): Promise<unknown> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      controller.abort();
      resolve(undefined);
    }, PATIENCE);
  });
  try {
    return await Promise.race([late, send(host, path, body, controller.signal)]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

async function send(host: Host, path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
  // Undefined where the logged-in account may not use the app.
  const token = await host.session.getSessionToken();
  if (token === undefined) return undefined;
  const response = await fetch(BACKEND_URL + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {Authorization: 'Bearer ' + token, 'Content-Type': 'application/json'},
    ...(body === undefined ? {} : {body: JSON.stringify(body)}),
    signal,
  });
  return response.ok ? await response.json() : undefined;
}

function isRecord(v: unknown): v is Record<string, unknown> {
  return typeof v === 'object' && v !== null;
}

function isSuggestion(v: unknown): v is Suggestion {
  return (
    isRecord(v) &&
    typeof v.variant_id === 'number' &&
    typeof v.title === 'string' &&
    typeof v.price === 'string' &&
    typeof v.reason === 'string' &&
    typeof v.percent === 'number'
  );
}

function isDiscount(v: unknown): v is Discount {
  return isRecord(v) && typeof v.state === 'string' && typeof v.variant_id === 'number' && typeof v.percent === 'number' && typeof v.off === 'string';
}

/** An answer of the backend, or undefined where it is not one, or nothing is to be shown. */
function offerOf(v: unknown): Offer | undefined {
  if (!isRecord(v) || v.show !== true || typeof v.offer !== 'string' || typeof v.currency !== 'string') return undefined;
  if (!Array.isArray(v.suggestions) || !v.suggestions.every(isSuggestion)) return undefined;
  if (v.discount !== undefined && !isDiscount(v.discount)) return undefined;
  return v as unknown as Offer;
}

export async function ask(host: Host, question: Question): Promise<Offer | undefined> {
  return offerOf(await call(host, '/pos/offers', question));
}

export async function again(host: Host, offer: string): Promise<Offer | undefined> {
  return offerOf(await call(host, '/pos/offers/' + encodeURIComponent(offer)));
}

/** Asks for something off. Who is pinned in goes along: the backend takes it for what it is, a claim. */
export async function askDiscount(host: Host, offer: string, variant: number, percent: number, discounted: boolean): Promise<Discount | undefined> {
  const v = await call(host, '/pos/offers/' + encodeURIComponent(offer) + '/discount', {variant_id: variant, percent, discounted, staff_id: host.session.staffMember?.value?.id});
  return isDiscount(v) ? v : undefined;
}

import type {CartApi, SessionApi} from '@shopify/ui-extensions/point-of-sale';

/** What this extension uses of the register: the same in the tile and in the modal. */
export type Host = CartApi & SessionApi;

/** The cart's key, among the cart's properties. The order has it then. */
export const CART_PROPERTY = '_posai_cart';

/** The offer that a line was added by, among the line's properties. */
export const OFFER_PROPERTY = '_posai_offer';

/** A question to the backend: which variants lie in the cart, and nothing that could be looked up. */
export interface Question {
  cart: string;
  location_id: number;
  customer_id: number;
  currency: string;
  discounted: boolean;
  lines: {variant_id: number; quantity: number}[];
}

/** 24 hexadecimal digits. */
function newKey(): string {
  const bytes = new Uint8Array(12);
  crypto.getRandomValues(bytes);
  return 'cart-' + Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

/** The largest cart that is asked about: the backend takes no more lines. */
const MAX_LINES = 40;

/** The cart as a question, or undefined where there is nothing to ask about. */
export function questionOf(host: Host, cartKey: string): Question | undefined {
  const cart = host.cart.current.value;
  const lines = cart.lineItems.filter((l) => l.variantId !== undefined && l.quantity > 0).slice(0, MAX_LINES);
  if (lines.length === 0) return undefined;
  const {locationId, currency} = host.session.currentSession;
  return {
    cart: cartKey,
    location_id: locationId,
    customer_id: cart.customer?.id ?? 0,
    currency,
    discounted: discounted(host),
    lines: lines.map((l) => ({variant_id: l.variantId as number, quantity: l.quantity})),
  };
}

/** Whether something is off in the cart already. */
export function discounted(host: Host): boolean {
  const cart = host.cart.current.value;
  return cart.cartDiscounts.length > 0 || cart.lineItems.some((l) => l.discounts.length > 0);
}

/** The key of the cart, which it gets with its first article and keeps to the order. */
export async function cartKey(host: Host): Promise<string> {
  const {properties} = host.cart.current.value;
  const known = CART_PROPERTY in properties ? properties[CART_PROPERTY] : undefined;
  if (known !== undefined && /^[A-Za-z0-9-]{8,64}$/.test(known)) return known;
  const key = newKey();
  await host.cart.addCartProperties({[CART_PROPERTY]: key});
  return key;
}

/** What of the cart an answer depends on. */
export function signature(host: Host): string {
  const cart = host.cart.current.value;
  return JSON.stringify([
    cart.customer?.id ?? 0,
    discounted(host),
    cart.lineItems.map((l) => [l.variantId ?? 0, l.quantity]),
  ]);
}

import type {CartApi, LineItem} from '@shopify/ui-extensions/point-of-sale';
import {configure} from '@testing-library/preact';
import {render} from 'preact';
import {createCartLineItem} from '@shopify/ui-extensions-tester/point-of-sale';
import type {Offer} from '../src/backend';

// A busy machine is no failure: the default is 1 s.
configure({asyncUtilTimeout: 60_000});

/**
 * Takes what was rendered out of the page, as a register does when it closes it: the
 * tester's tearDown leaves it there with its timers, which then miss the global object.
 */
export const unmount = () => render(null, document.body);

export const OFFER = 'cart-0123456789ab.0123456789ab';

export function line(variantId: number, more: Partial<LineItem> = {}): LineItem {
  return createCartLineItem({uuid: 'line-' + variantId, variantId, ...more});
}

export function offer(more: Partial<Offer> = {}): Offer {
  return {
    offer: OFFER,
    cart: 'cart-0123456789ab',
    show: true,
    loyalty: false,
    currency: 'USD',
    suggestions: [
      {variant_id: 71, kind: 'addon', title: 'Suede Brush', price: '26.00', reason: 'Keeps the suede new', percent: 5, off: '1.30', most_percent: 25},
      {variant_id: 72, kind: 'warranty', title: 'Repair Plan', price: '29.00', reason: 'Covers accidents', percent: 0, most_percent: 0},
    ],
    ...more,
  };
}

export const json = (v: unknown, status = 200) => new Response(JSON.stringify(v), {status, headers: {'Content-Type': 'application/json'}});

/**
 * A cart that behaves like the register's: what is written can be read, and subscribers
 * hear of it. The tester's own does not.
 */
export function liveCart(cart: CartApi['cart'], ...lines: LineItem[]) {
  const listeners = new Set<(value: CartApi['cart']['current']['value']) => void>();
  const current = cart.current as unknown as {value: CartApi['cart']['current']['value']; subscribe: (f: (v: CartApi['cart']['current']['value']) => void) => () => void};
  const written = {added: [] as {variant: number; properties: Record<string, string>}[], codes: [] as string[]};
  const change = (more: object) => {
    current.value = {...current.value, ...more};
    for (const f of [...listeners]) f(current.value);
  };
  // The tester complains of members that are not there, be they optional.
  current.value = {...current.value, lineItems: lines, customer: undefined as never};
  current.subscribe = (f) => {
    listeners.add(f);
    return () => listeners.delete(f);
  };
  cart.addCartProperties = async (properties) => change({properties: {...current.value.properties, ...properties}});
  cart.addLineItem = async (variant, quantity, options) => {
    written.added.push({variant, properties: options?.properties ?? {}});
    change({lineItems: [...current.value.lineItems, line(variant, {quantity, properties: options?.properties ?? {}})]});
    return 'line-' + variant;
  };
  cart.addCartCodeDiscount = async (code) => {
    written.codes.push(code);
    change({cartDiscounts: [...current.value.cartDiscounts, {amount: 1.3, type: 'Code', discountDescription: code}]});
  };
  return {written, change, listeners};
}

import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {getExtension} from '@shopify/ui-extensions-tester';
import {CART_PROPERTY, cartKey, questionOf, signature} from '../src/host';
import {line, liveCart} from './helpers';

const extension = getExtension('pos.home.tile.render');
beforeEach(() => extension.setUp());
afterEach(() => extension.tearDown());

describe('the question about a cart', () => {
  test('names variants, and nothing that could be looked up or names somebody', async () => {
    liveCart(extension.shopify.cart, line(5, {quantity: 2, price: 1, title: 'secret title'}), line(6));
    extension.shopify.cart.current.value.customer = {id: 88};
    const q = questionOf(extension.shopify, 'cart-12345678');
    expect(q).toEqual({cart: 'cart-12345678', location_id: 1, customer_id: 88, currency: 'USD', discounted: false, lines: [{variant_id: 5, quantity: 2}, {variant_id: 6, quantity: 1}]});
  });

  test('leaves out custom sales, and is none for an empty cart', () => {
    const {variantId: _, ...custom} = line(9);
    liveCart(extension.shopify.cart, custom);
    expect(questionOf(extension.shopify, 'cart-12345678')).toBeUndefined();
  });

  test('has at most 40 lines', () => {
    liveCart(extension.shopify.cart, ...Array.from({length: 60}, (_, i) => line(i + 1)));
    expect(questionOf(extension.shopify, 'cart-12345678')?.lines).toHaveLength(40);
  });

  test('says that something is off already', () => {
    liveCart(extension.shopify.cart, line(5, {discounts: [{amount: 2}]}));
    expect(questionOf(extension.shopify, 'cart-12345678')?.discounted).toBe(true);
  });
});

describe('the key of a cart', () => {
  test('is made once, and kept among its properties', async () => {
    liveCart(extension.shopify.cart, line(5));
    const before = signature(extension.shopify);
    const key = await cartKey(extension.shopify);
    expect(key).toMatch(/^cart-[0-9a-f]{24}$/);
    expect(extension.shopify.cart.current.value.properties[CART_PROPERTY]).toBe(key);
    expect(await cartKey(extension.shopify)).toBe(key);
    expect(signature(extension.shopify)).toBe(before);
  });

  test('is another for another cart, and replaces what cannot be one', async () => {
    liveCart(extension.shopify.cart, line(5));
    const first = await cartKey(extension.shopify);
    extension.shopify.cart.current.value.properties = {[CART_PROPERTY]: '../x'};
    const second = await cartKey(extension.shopify);
    expect(second).toMatch(/^cart-[0-9a-f]{24}$/);
    expect(second).not.toBe(first);
  });
});

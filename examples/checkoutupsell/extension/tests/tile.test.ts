/// <reference types="@shopify/ui-extensions/pos.home.tile.render" />
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest';
import {fireEvent, waitFor} from '@testing-library/preact';
import {getExtension} from '@shopify/ui-extensions-tester';
import {CART_PROPERTY} from '../src/host';
import {json, line, liveCart, offer, unmount} from './helpers';

const extension = getExtension('pos.home.tile.render');
beforeEach(() => extension.setUp());
afterEach(() => {
  unmount();
  extension.tearDown();
  vi.useRealTimers();
});

const tile = () => document.body.querySelector('s-tile')!;
const attribute = (name: string) => (tile() as unknown as Record<string, unknown>)[name] ?? tile().getAttribute(name);
const isDisabled = () => [true, 'true', ''].includes(attribute('disabled') as never);

describe('the tile', () => {
  test('asks about the cart with a session token, and says how many ideas there are', async () => {
    const {written} = liveCart(extension.shopify.cart, line(5));
    const fetch = vi.fn(async () => json(offer()));
    extension.fetch = fetch as never;
    await extension.render();
    await waitFor(() => expect(attribute('subheading')).toBe('tile.ideas'));
    expect(isDisabled()).toBe(false);
    const [url, init] = fetch.mock.calls[0] as unknown as [string, RequestInit];
    expect(url).toBe('https://pos.example.com/pos/offers');
    expect((init.headers as Record<string, string>).Authorization).toBe('Bearer mock-session-token');
    const body = JSON.parse(init.body as string);
    expect(body.cart).toBe(extension.shopify.cart.current.value.properties[CART_PROPERTY]);
    expect(written.added).toEqual([]);

    const present = vi.spyOn(extension.shopify.action, 'presentModal');
    fireEvent.click(tile());
    expect(present).toHaveBeenCalledOnce();
  });

  test('asks once for one cart, and again when it changes', async () => {
    const {change} = liveCart(extension.shopify.cart, line(5));
    const fetch = vi.fn(async () => json(offer()));
    extension.fetch = fetch as never;
    await extension.render();
    await waitFor(() => expect(fetch).toHaveBeenCalledTimes(1));
    change({note: 'not what an answer depends on'});
    change({lineItems: [line(5), line(6)]});
    change({lineItems: [line(5), line(6), line(7)]});
    await waitFor(() => expect(fetch).toHaveBeenCalledTimes(2));
    const body = JSON.parse((fetch.mock.calls[1] as unknown as [string, RequestInit])[1].body as string);
    expect(body.lines).toHaveLength(3);
  });

  test.each([
    ['nothing is to be shown', async () => json(offer({show: false}))],
    ['the backend fails', async () => json({error: 'no'}, 500)],
    ['the answer is no answer', async () => json({show: true, offer: 5})],
    ['the answer is no JSON', async () => new Response('<html>')],
    ['the network is gone', async () => Promise.reject(new TypeError('network'))],
    ['a suggestion is malformed', async () => json(offer({suggestions: [{variant_id: 'x'} as never]}))],
  ])('stays quiet where %s', async (_, answer) => {
    liveCart(extension.shopify.cart, line(5));
    const fetch = vi.fn(answer);
    extension.fetch = fetch as never;
    await extension.render();
    await waitFor(() => expect(fetch).toHaveBeenCalled());
    await new Promise((r) => setTimeout(r, 20));
    expect(attribute('subheading')).toBe('tile.idle');
    expect(isDisabled()).toBe(true);
  });

  test('does not wait for a slow backend', async () => {
    liveCart(extension.shopify.cart, line(5));
    let aborted = false;
    const fetch = vi.fn((_: string, init: RequestInit) => new Promise<Response>(() => init.signal?.addEventListener('abort', () => (aborted = true))));
    extension.fetch = fetch as never;
    await extension.render();
    await waitFor(() => expect(aborted).toBe(true));
    expect(isDisabled()).toBe(true);
  });

  test('asks nothing for an empty cart, without a connection, or without permission', async () => {
    const fetch = vi.fn(async () => json(offer()));
    extension.fetch = fetch as never;
    const {change} = liveCart(extension.shopify.cart);
    await extension.render();
    await new Promise((r) => setTimeout(r, 600));
    extension.shopify.connectivity.current.value.internetConnected = 'Disconnected';
    change({lineItems: [line(5)]});
    await new Promise((r) => setTimeout(r, 600));
    extension.shopify.connectivity.current.value.internetConnected = 'Connected';
    extension.shopify.session.getSessionToken = async () => undefined;
    change({lineItems: [line(5), line(6)]});
    await new Promise((r) => setTimeout(r, 600));
    expect(fetch).not.toHaveBeenCalled();
    expect(isDisabled()).toBe(true);
  });

  test('is done with the cart when it is gone', async () => {
    const {listeners} = liveCart(extension.shopify.cart, line(5));
    extension.fetch = vi.fn(async () => json(offer())) as never;
    await extension.render();
    await waitFor(() => expect(listeners.size).toBe(1));
    const {render} = await import('preact');
    render(null, document.body);
    expect(listeners.size).toBe(0);
  });
});

/// <reference types="@shopify/ui-extensions/pos.home.modal.render" />
import {afterEach, beforeEach, expect, test, vi} from 'vitest';
import {fireEvent, waitFor} from '@testing-library/preact';
import {getExtension} from '@shopify/ui-extensions-tester';
import {CART_PROPERTY, OFFER_PROPERTY} from '../src/host';
import {line, liveCart, unmount} from './helpers';

// Against the backend itself, over HTTP: the Go test sets these.
const {BACKEND_URL: backend, TOKEN_URL: tokens, LOCATION_ID: location, VARIANT_ID: variant, SHOP: shop} = process.env;
const extension = getExtension('pos.home.modal.render');
const realFetch = globalThis.fetch;
beforeEach(() => extension.setUp());
afterEach(() => {
  unmount();
  extension.tearDown();
});

(backend === undefined ? test.todo : test)('the modal and the running backend: an add-on and its code', async () => {
  // The signal is jsdom's, which Node's fetch does not take.
  extension.fetch = ((url: string, {signal: _, ...init}: RequestInit) => realFetch(url, init)) as never;
  extension.shopify.session.getSessionToken = async () => (await realFetch(tokens!)).text(); // a fresh one, as the register makes it
  Object.assign(extension.shopify.session.currentSession, {locationId: Number(location), shopDomain: shop});
  const {written, change} = liveCart(extension.shopify.cart, line(Number(variant)));
  change({properties: {[CART_PROPERTY]: 'cart-of-the-extension'}});
  const toast = vi.spyOn(extension.shopify.toast, 'show');
  const buttons = (text: string) => [...document.body.querySelectorAll('s-button')].filter((b) => b.textContent === text);

  // The backend may be late on a busy machine: then the modal is opened again.
  for (let n = 0; n < 20 && buttons('modal.add').length === 0; n++) {
    await extension.render();
    await waitFor(() => expect(document.body.querySelector('s-spinner')).toBeNull(), {timeout: 5000}).catch(() => undefined);
    if (buttons('modal.add').length === 0) {
      const {render} = await import('preact');
      render(null, document.body);
    }
  }
  expect(buttons('modal.add').length).toBeGreaterThan(0);
  // Another than the smallest discount: a manager is asked, who is the Go test.
  // It may be late with that too: then the register is told to try again.
  const late = () => toast.mock.calls.filter(([text]) => text === 'modal.later').length;
  for (let n = 0; n < 20 && document.body.querySelector('s-banner') === null; n++) {
    const before = late();
    fireEvent.click(buttons('modal.askFor')[0]!);
    await waitFor(() => expect(late() > before || document.body.querySelector('s-banner') !== null).toBe(true));
  }
  expect(written.added).toHaveLength(1);
  expect(written.added[0]!.properties[OFFER_PROPERTY]).toMatch(/^cart-of-the-extension\.[0-9a-f]{12}$/);
  await waitFor(() => expect(written.codes).toHaveLength(1), {timeout: 120_000, interval: 100});
  expect(written.codes[0]).toMatch(/^POS-[0-9A-V]{12}$/);
  await waitFor(() => expect(toast).toHaveBeenCalledWith('modal.applied'));
});

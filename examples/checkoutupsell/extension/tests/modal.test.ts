/// <reference types="@shopify/ui-extensions/pos.home.modal.render" />
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest';
import {fireEvent, waitFor} from '@testing-library/preact';
import {getExtension} from '@shopify/ui-extensions-tester';
import {OFFER_PROPERTY} from '../src/host';
import {json, line, liveCart, offer, OFFER, unmount} from './helpers';

const extension = getExtension('pos.home.modal.render');
beforeEach(() => extension.setUp());
afterEach(() => {
  unmount();
  extension.tearDown();
});

const buttons = (text: string) => [...document.body.querySelectorAll('s-button')].filter((b) => b.textContent === text);
const button = (text: string) => buttons(text)[0]!;
const text = () => document.body.textContent ?? '';
const headings = () => [...document.body.querySelectorAll('s-banner')].map((b) => (b as unknown as {heading?: string}).heading ?? b.getAttribute('heading'));

async function open(answers: (url: string) => unknown) {
  const live = liveCart(extension.shopify.cart, line(5));
  const fetch = vi.fn(async (url: string, _init?: RequestInit) => {
    const a = answers(url);
    return a instanceof Response ? a : json(a);
  });
  extension.fetch = fetch as never;
  await extension.render();
  return {...live, fetch};
}

describe('the modal', () => {
  test('shows the suggestions, and adds one with the offer on its line', async () => {
    const {written} = await open(() => offer({loyalty: true}));
    await waitFor(() => expect(text()).toContain('Keeps the suede new'));
    expect(text()).toContain('modal.loyaltyText');
    expect(buttons('modal.askFor')).toHaveLength(1); // a plan has no discount
    fireEvent.click(button('modal.add'));
    await waitFor(() => expect(written.added).toEqual([{variant: 71, properties: {[OFFER_PROPERTY]: OFFER}}]));
    await waitFor(() => expect(button('modal.inCart')).toBeDefined());
    fireEvent.click(button('modal.inCart'));
    expect(written.added).toHaveLength(1);
  });

  test('takes off what the register may give, once', async () => {
    const toast = vi.spyOn(extension.shopify.toast, 'show');
    const {written, fetch} = await open((url) => (url.endsWith('/discount') ? {state: 'ready', variant_id: 71, percent: 5, off: '1.30', code: 'POS-1'} : offer()));
    await waitFor(() => expect(button('modal.addWith')).toBeDefined());
    fireEvent.click(button('modal.addWith'));
    await waitFor(() => expect(written.codes).toEqual(['POS-1']));
    expect(written.added).toHaveLength(1);
    const [url, init] = fetch.mock.calls.at(-1)!;
    expect(url).toBe('https://pos.example.com/pos/offers/' + OFFER + '/discount');
    expect(JSON.parse(init!.body as string)).toEqual({variant_id: 71, percent: 5, discounted: false, staff_id: extension.shopify.session.staffMember.value!.id});
    await waitFor(() => expect(headings()).toEqual(['modal.ready']));
    expect(toast).toHaveBeenCalledWith('modal.applied');
    fireEvent.click(button('modal.askFor'));
    expect(written.codes).toHaveLength(1);
  });

  test('waits for a manager, and applies the code when it is there', async () => {
    let decided = false;
    const pending = {state: 'pending', variant_id: 71, percent: 25, off: '6.50'};
    const {written} = await open((url) => {
      if (url.endsWith('/discount')) return pending;
      return offer(url.endsWith(OFFER) ? {discount: decided ? {...pending, state: 'ready', code: 'POS-2'} as never : pending as never} : {});
    });
    await waitFor(() => expect(button('modal.askFor')).toBeDefined());
    fireEvent.click(button('modal.askFor'));
    await waitFor(() => expect(headings()).toEqual(['modal.pending']));
    expect(written.codes).toEqual([]);
    decided = true;
    await waitFor(() => expect(written.codes).toEqual(['POS-2']));
    await new Promise((r) => setTimeout(r, 3000));
    expect(written.codes).toHaveLength(1);
  });

  test('applies a code that came while it was closed, and only once', async () => {
    const ready = {state: 'ready', variant_id: 71, percent: 25, off: '6.50', code: 'POS-4'} as never;
    const {written} = await open(() => offer({discount: ready}));
    await waitFor(() => expect(written.codes).toEqual(['POS-4']));
    await waitFor(() => expect(headings()).toEqual(['modal.ready']));
    extension.tearDown(); // closed and opened once more
    extension.setUp();
    const live = liveCart(extension.shopify.cart, line(5));
    live.change({cartDiscounts: [{amount: 6.5, type: 'Code', discountDescription: 'POS-4'}]});
    extension.fetch = (async () => json(offer({discount: ready}))) as never;
    await extension.render();
    await waitFor(() => expect(headings()).toEqual(['modal.ready']));
    expect(live.written.codes).toEqual([]);
  });

  test('says why there is no discount', async () => {
    const {written} = await open((url) => (url.endsWith('/discount') ? {state: 'refused', variant_id: 71, percent: 25, off: '6.50', reason: 'A manager said no.'} : offer()));
    await waitFor(() => expect(button('modal.askFor')).toBeDefined());
    fireEvent.click(button('modal.askFor'));
    await waitFor(() => expect(headings()).toEqual(['A manager said no.']));
    expect(written.codes).toEqual([]);
  });

  test('lets a code be applied again that the register did not take', async () => {
    const toast = vi.spyOn(extension.shopify.toast, 'show');
    await open((url) => (url.endsWith('/discount') ? {state: 'ready', variant_id: 71, percent: 5, off: '1.30', code: 'POS-3'} : offer()));
    extension.shopify.cart.addCartCodeDiscount = async () => Promise.reject(new Error('not valid'));
    await waitFor(() => expect(button('modal.addWith')).toBeDefined());
    fireEvent.click(button('modal.addWith'));
    await waitFor(() => expect(toast).toHaveBeenCalledWith('modal.notApplied'));
  });

  test('asks for nothing where the article was not added', async () => {
    const {fetch} = await open(() => offer());
    extension.shopify.cart.addLineItem = async () => ''; // the oversell guard was dismissed
    await waitFor(() => expect(button('modal.addWith')).toBeDefined());
    fireEvent.click(button('modal.addWith'));
    await new Promise((r) => setTimeout(r, 100));
    expect(fetch.mock.calls.filter(([url]) => url.endsWith('/discount'))).toEqual([]);
  });

  test.each([
    ['is held out', () => offer({show: false})],
    ['has no answer', () => json({error: 'x'}, 503)],
  ])('says that there is nothing where the cart %s', async (_, answer) => {
    await open(answer);
    await waitFor(() => expect(text()).toContain('modal.nothing'));
    expect(document.body.querySelector('s-button')).toBeNull();
  });
});

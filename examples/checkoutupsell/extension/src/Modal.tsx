import '@shopify/ui-extensions/preact';
import {render} from 'preact';
import {useEffect, useRef, useState} from 'preact/hooks';
import {again, ask, askDiscount, type Discount, type Offer, type Suggestion} from './backend';
import {cartKey, discounted, OFFER_PROPERTY, questionOf} from './host';

export default async () => {
  render(<Modal />, document.body);
};

/** How often it is asked what a manager said, in ms. */
const POLL = 2500;

const t = (key: string, values?: Record<string, string | number>) => shopify.i18n.translate(key, values);

/** The modal shows the suggestions, adds them to the cart and asks for a discount. */
function Modal() {
  const [offer, setOffer] = useState<Offer | 'none' | undefined>();
  const [added, setAdded] = useState<number[]>([]);
  const [discount, setDiscount] = useState<Discount | undefined>();
  const [busy, setBusy] = useState(false);
  const applied = useRef(false);

  useEffect(() => {
    let gone = false;
    const load = async () => {
      try {
        const question = questionOf(shopify, await cartKey(shopify));
        const answer = question && (await ask(shopify, question));
        if (gone) return;
        setOffer(answer ?? 'none');
        // It may have been decided while this was closed.
        if (answer?.discount?.state === 'ready' && !discounted(shopify)) await follow(answer.discount);
        else setDiscount(answer?.discount);
      } catch {
        if (!gone) setOffer('none');
      }
    };
    void load();
    return () => {
      gone = true;
    };
  }, []);

  /** Applies a code that is ready, once: Shopify takes it for one use. */
  const follow = async (d: Discount | undefined) => {
    if (d === undefined) {
      shopify.toast.show(t('modal.later'));
      return;
    }
    setDiscount(d);
    if (d.state === 'ready' && d.code !== undefined && !applied.current) {
      applied.current = true;
      try {
        await shopify.cart.addCartCodeDiscount(d.code);
        shopify.toast.show(t('modal.applied', {amount: d.off}));
      } catch {
        applied.current = false;
        shopify.toast.show(t('modal.notApplied'));
      }
    }
  };

  const waiting = discount?.state === 'pending' || discount?.state === 'working';
  const key = typeof offer === 'object' ? offer.offer : '';
  useEffect(() => {
    if (!waiting || key === '') return undefined;
    const timer = setInterval(() => {
      void again(shopify, key).then((o) => {
        if (o?.discount !== undefined) void follow(o.discount);
      });
    }, POLL);
    return () => clearInterval(timer);
  }, [waiting, key]);

  if (offer === undefined) {
    return (
      <s-page heading={t('modal.heading')}>
        <s-spinner accessibilityLabel={t('modal.loading')} />
      </s-page>
    );
  }
  if (offer === 'none') {
    return (
      <s-page heading={t('modal.heading')}>
        <s-text>{t('modal.nothing')}</s-text>
      </s-page>
    );
  }

  const add = async (s: Suggestion): Promise<boolean> => {
    if (added.includes(s.variant_id)) return true;
    try {
      const line = await shopify.cart.addLineItem(s.variant_id, 1, {properties: {[OFFER_PROPERTY]: offer.offer}});
      if (line === '') return false; // they thought better of it
      setAdded((list) => [...list, s.variant_id]);
      shopify.toast.show(t('modal.added', {title: s.title}));
      return true;
    } catch {
      shopify.toast.show(t('modal.notAdded'));
      return false;
    }
  };

  /** Adds the article and asks for something off it. */
  const less = async (s: Suggestion, percent: number) => {
    setBusy(true);
    try {
      const off = discounted(shopify);
      if (await add(s)) await follow(await askDiscount(shopify, offer.offer, s.variant_id, percent, off));
    } finally {
      setBusy(false);
    }
  };

  const closed = busy || waiting || discount?.state === 'ready';
  return (
    <s-page heading={t('modal.heading')}>
      <s-scroll-box>
        {discount !== undefined && <Said discount={discount} currency={offer.currency} />}
        {offer.suggestions.map((s) => (
          <s-section key={s.variant_id} heading={s.title}>
            <s-text>{s.reason}</s-text>
            <s-text>{t('modal.price', {price: s.price, currency: offer.currency})}</s-text>
            <s-button variant="primary" disabled={added.includes(s.variant_id)} onClick={() => void add(s)}>
              {added.includes(s.variant_id) ? t('modal.inCart') : t('modal.add')}
            </s-button>
            {s.percent > 0 && (
              <s-button disabled={closed} onClick={() => void less(s, s.percent)}>
                {t('modal.addWith', {amount: s.off ?? '', currency: offer.currency})}
              </s-button>
            )}
            {s.most_percent > s.percent && (
              <s-button disabled={closed} onClick={() => void less(s, s.most_percent)}>
                {t('modal.askFor', {percent: s.most_percent})}
              </s-button>
            )}
          </s-section>
        ))}
        {offer.loyalty && (
          <s-section heading={t('modal.loyalty')}>
            <s-text>{t('modal.loyaltyText')}</s-text>
          </s-section>
        )}
      </s-scroll-box>
    </s-page>
  );
}

function Said({discount, currency}: {discount: Discount; currency: string}) {
  const amount = {percent: discount.percent, amount: discount.off, currency};
  switch (discount.state) {
    case 'ready':
      return <s-banner tone="success" heading={t('modal.ready', amount)} />;
    case 'refused':
      return <s-banner tone="warning" heading={discount.reason ?? t('modal.refused')} />;
    case 'pending':
      return <s-banner tone="info" heading={t('modal.pending', amount)} />;
    default:
      return <s-banner tone="info" heading={t('modal.working')} />;
  }
}

import '@shopify/ui-extensions/preact';
import {render} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {ask, type Offer} from './backend';
import {cartKey, questionOf, signature} from './host';

export default async () => {
  render(<Tile />, document.body);
};

/** How long the cart has to stand still before the backend is asked, in ms. */
const PAUSE = 400;

/** The tile says how many ideas there are for the cart, and nothing where there are none. */
function Tile() {
  const [offer, setOffer] = useState<Offer | undefined>();

  useEffect(() => {
    let asked = '';
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gone = false;
    const look = async () => {
      const now = signature(shopify);
      if (now === asked) return; // a property of ours was added, for instance
      asked = now;
      setOffer(undefined);
      if (shopify.connectivity.current.value.internetConnected !== 'Connected') return;
      try {
        if (shopify.cart.current.value.lineItems.length === 0) return;
        const question = questionOf(shopify, await cartKey(shopify));
        const answer = question && (await ask(shopify, question));
        if (!gone && asked === now) setOffer(answer);
      } catch {
        // The cart could not be written: the tile stays as it is.
      }
    };
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(() => void look(), PAUSE);
    };
    const unsubscribe = shopify.cart.current.subscribe(soon);
    soon();
    return () => {
      gone = true;
      clearTimeout(timer);
      unsubscribe();
    };
  }, []);

  const n = offer?.suggestions.length ?? 0;
  const subheading =
    offer === undefined ? shopify.i18n.translate('tile.idle') : n > 0 ? shopify.i18n.translate('tile.ideas', {count: n}) : shopify.i18n.translate('tile.loyalty');
  return (
    <s-tile
      heading={shopify.i18n.translate('tile.heading')}
      subheading={subheading}
      itemCount={n}
      disabled={offer === undefined}
      onClick={() => shopify.action.presentModal()}
    />
  );
}

import '@shopify/ui-extensions';

// What each module finds under the name shopify: as the Shopify CLI writes it.
declare module './src/Tile.js' {
  const shopify: import('@shopify/ui-extensions/pos.home.tile.render').Api;
  const globalThis: {shopify: typeof shopify};
}
declare module './src/Modal.js' {
  const shopify: import('@shopify/ui-extensions/pos.home.modal.render').Api;
  const globalThis: {shopify: typeof shopify};
}

declare global {
  /** Where the backend is, without a slash at the end; set when it is built. */
  const BACKEND_URL: string;
}

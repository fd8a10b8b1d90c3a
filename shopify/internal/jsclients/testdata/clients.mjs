// Drives Shopify's API clients, unchanged, against a simulated shop and prints what came of
// it, as one line of JSON. They build https addresses of {shop}; the fetch that they are given
// sends these to SIM_URL.
const {SIM_URL, SHOP, TOKEN, STOREFRONT_TOKEN} = process.env;

const {createAdminApiClient, createAdminRestApiClient} = await import('@shopify/admin-api-client');
const {createStorefrontApiClient} = await import('@shopify/storefront-api-client');
const {createGraphQLClient} = await import('@shopify/graphql-client');

const customFetchApi = (url, init) => fetch(url.replace(`https://${SHOP}`, SIM_URL), init);

// logger counts what a client says, by type.
function logger() {
  const counts = {};
  const log = ({type}) => (counts[type] = (counts[type] ?? 0) + 1);
  return {counts, log};
}

// problem is what a client makes of an answer that says no.
function problem({data, errors}) {
  return {
    status: errors?.networkStatusCode ?? null,
    message: errors?.message ?? '',
    codes: errors?.graphQLErrors?.map((e) => e.extensions?.code ?? '') ?? [],
    data: data ?? null,
  };
}

const names = 'query Names($n: Int!) { shop { name } products(first: $n) { nodes { id title } } }';
const tag = 'mutation Tag($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { node { id } userErrors { field message } } }';

function admin(options) {
  return createAdminApiClient({storeDomain: SHOP, apiVersion: '2026-10', accessToken: TOKEN, customFetchApi, ...options});
}

function rest(options) {
  return createAdminRestApiClient({storeDomain: SHOP, apiVersion: '2026-10', accessToken: TOKEN, customFetchApi, ...options});
}

function storefront(options) {
  return createStorefrontApiClient({storeDomain: SHOP, apiVersion: '2026-10', customFetchApi, ...options});
}

async function all(stream) {
  const parts = [];
  for await (const part of stream) parts.push(JSON.parse(JSON.stringify(part)));
  return parts;
}

const scenarios = {
  async admin() {
    const client = admin();
    const {data, extensions} = await client.request(names, {variables: {n: 2}});
    const id = data.products.nodes[0].id;
    const tagged = await client.request(tag, {variables: {id, tags: ['blue', 'green']}});
    const wrong = await client.request(tag, {variables: {id: 'gid://shopify/Product/1', tags: ['blue']}});
    return {
      name: data.shop.name,
      products: data.products.nodes.length,
      cost: extensions.cost.requestedQueryCost,
      tagged: tagged.data.tagsAdd.node.id === id,
      userErrors: wrong.data.tagsAdd.userErrors,
      invalid: problem(await client.request('{ shop { nonsense } }')),
      token: problem(await admin({accessToken: 'guess'}).request('{ shop { name } }')),
      idempotency: problem(await client.request('mutation { inventoryAdjustQuantities(input: {name: "available", reason: "correction", changes: []}) { userErrors { message } } }')),
    };
  },
  // The test makes the shop answer 503, 429, nothing at all, then as it should.
  async adminRetries() {
    const {counts, log} = logger();
    const {data} = await admin({retries: 3, logger: log}).request('query Shop { shop { name } }');
    return {name: data.shop.name, retries: counts['HTTP-Retry']};
  },
  // The test makes the shop answer 503 without end, and then THROTTLED.
  async adminFails() {
    return {
      unavailable: problem(await admin({retries: 1}).request('query Down { shop { name } }')),
      throttled: problem(await admin({retries: 3}).request('query Slow { shop { name } }')),
    };
  },
  async adminRest() {
    const client = rest({retries: 2});
    const ids = new Set();
    let search = {limit: 10, fields: 'id'};
    for (let pages = 0; search && pages < 100; pages++) {
      const response = await client.get('products', {searchParams: search, retries: 2});
      const page = await response.text();
      page.match(/"id":\d+/g).forEach((id) => ids.add(id)); // beyond 2^53
      const next = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '');
      search = next && Object.fromEntries(new URL(next[1]).searchParams);
    }
    const made = await client.post('webhooks', {data: {webhook: {topic: 'orders/create', address: 'https://app.example.com/hook', format: 'json'}}});
    const id = /"id":(\d+)/.exec(await made.text())[1];
    const changed = await (await client.put(`webhooks/${id}`, {data: {webhook: {address: 'https://app.example.com/other'}}})).json();
    const deleted = await client.delete(`webhooks/${id}`);
    const gone = await client.get(`webhooks/${id}`);
    return {
      products: ids.size,
      made: made.status,
      address: changed.webhook.address,
      deleted: deleted.status,
      gone: gone.status,
      goneBody: await gone.json(),
      limit: gone.headers.get('x-shopify-shop-api-call-limit'),
      version: gone.headers.get('x-shopify-api-version'),
    };
  },
  async adminRestRetries() {
    const {counts, log} = logger();
    const response = await rest({logger: log, defaultRetryTime: 1}).get('shop', {retries: 3});
    return {status: response.status, retries: counts['HTTP-Retry']};
  },
  async storefront() {
    const query = 'query Shop @inContext(country: US, language: EN) { shop { name } products(first: 3) { nodes { id title } } }';
    const open = storefront({publicAccessToken: STOREFRONT_TOKEN, clientName: 'posai'});
    const secret = storefront({privateAccessToken: STOREFRONT_TOKEN});
    const tags = 'query Tags { products(first: 3) { nodes { tags } } }';
    const cart = await open.request('mutation Cart($input: CartInput!) { cartCreate(input: $input) { cart { id checkoutUrl } userErrors { code } } }', {
      variables: {input: {note: 'gift'}},
    });
    const {data, extensions} = await open.request(query);
    return {
      name: data.shop.name,
      products: data.products.nodes.length,
      cost: extensions?.cost ?? null,
      tags: (await secret.request(tags)).data.products.nodes.length,
      cart: cart.data.cartCreate.cart.id,
      wrong: problem(await storefront({publicAccessToken: 'guess'}).request(query)),
      wrongPrivate: problem(await storefront({privateAccessToken: 'guess'}).request(query)),
    };
  },
  async storefrontStream() {
    const client = storefront({publicAccessToken: STOREFRONT_TOKEN});
    const deferred = await client.requestStream(`query Later($n: Int!) {
      shop { name ... @defer(label: "text") { description } }
      products(first: $n) { nodes { id ... @defer { title } } }
    }`, {variables: {n: 2}});
    // One that turns out to defer nothing is answered as JSON.
    const atOnce = await client.requestStream('query Now($later: Boolean!) { shop { name ... @defer(if: $later) { description } } }', {variables: {later: false}});
    const invalid = await client.requestStream('query Wrong { shop { ... @defer { nonsense } } }');
    return {parts: await all(deferred), atOnce: await all(atOnce), invalid: (await all(invalid)).map(problem)};
  },
  // No address is replaced here.
  async graphql() {
    const client = createGraphQLClient({
      url: `${SIM_URL}/admin/api/2026-10/graphql.json`,
      headers: {'Content-Type': 'application/json', 'X-Shopify-Access-Token': TOKEN},
      retries: 1,
    });
    const {data, extensions} = await client.request(names, {variables: {n: 2}});
    const raw = await client.fetch(names, {variables: {n: 1}, url: `${SIM_URL}/admin/api/2026-07/graphql.json`});
    const body = await raw.json();
    return {
      name: data.shop.name,
      products: data.products.nodes.length,
      cost: extensions.cost.requestedQueryCost,
      version: raw.headers.get('x-shopify-api-version'),
      requestID: raw.headers.get('x-request-id'),
      left: body.extensions.cost.throttleStatus.currentlyAvailable,
      nowhere: problem(await client.request(names, {variables: {n: 1}, url: `${SIM_URL}/admin/api/latest/graphql.json`})),
    };
  },
};

process.stdout.write(JSON.stringify(await scenarios[process.argv[2]]()) + '\n');
process.exit(0);

// Drives Shopify's own JavaScript library against a simulated shop and prints what came of
// it, as one line of JSON. The library insists on the host {shop}; the one thing that is done
// to it is that such requests reach the address in SIM_URL.
import http from 'node:http';

const {SIM_URL, SHOP, CLIENT_ID, CLIENT_SECRET, SCOPES} = process.env;

const realFetch = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const url = new URL(typeof input === 'string' || input instanceof URL ? input : input.url);
  if (url.hostname === SHOP) { // the REST client takes the app's scheme, http here
    return realFetch(SIM_URL + url.pathname + url.search, init);
  }
  throw new Error(`a request to ${url.origin}`);
};

const {shopifyApi, LogSeverity, RequestedTokenType, Session} = await import('@shopify/shopify-api');
await import('@shopify/shopify-api/adapters/node'); // takes the fetch above

const browser = {'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'};

function configured(hostName) {
  return shopifyApi({
    apiKey: CLIENT_ID,
    apiSecretKey: CLIENT_SECRET,
    scopes: SCOPES.split(','),
    hostName,
    hostScheme: 'http',
    apiVersion: '2026-07',
    isEmbeddedApp: false,
    logger: {level: LogSeverity.Error, log: (_, message) => process.stderr.write(message + '\n')},
  });
}

// sessionToken is one of the account 7, made when it is wanted: it lives for a minute, which is less than a busy
// machine may need to load the library.
async function sessionToken() {
  const made = await realFetch(`${SIM_URL}/_sim/session_tokens`, {method: 'POST', body: JSON.stringify({account: 7})});
  return (await made.json()).session_token;
}

// failure is what the library makes of an error answer.
async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return {name: error.constructor.name, status: error.response?.code, body: error.response?.body};
  }
  return null;
}

function seen(session) {
  const left = (date) => (date ? Math.round((date - Date.now()) / 1000) : null);
  return {
    id: session.id,
    online: session.isOnline,
    scope: session.scope,
    expires: left(session.expires),
    refreshExpires: left(session.refreshTokenExpires),
    refreshes: Boolean(session.refreshToken),
    user: session.onlineAccessInfo?.associated_user?.id ?? null,
  };
}

async function name(shopify, session) {
  const client = new shopify.clients.Graphql({session});
  const response = await client.request('query Name($n: Int!) { shop { name } products(first: $n) { nodes { id title } } }', {variables: {n: 2}});
  return {name: response.data.shop.name, products: response.data.products.nodes.length, cost: response.extensions.cost.requestedQueryCost};
}

// install runs the authorization code grant through a server of the library's and a
// browser of ours.
async function install(isOnline, expiring) {
  let shopify;
  let session;
  let error;
  const server = http.createServer(async (req, res) => {
    try {
      if (req.url.startsWith('/auth/callback')) {
        ({session} = await shopify.auth.callback({rawRequest: req, rawResponse: res, expiring}));
        res.end();
      } else {
        await shopify.auth.begin({shop: SHOP, callbackPath: '/auth/callback', isOnline, rawRequest: req, rawResponse: res});
      }
    } catch (e) {
      error = e;
      res.statusCode = 500;
      res.end();
    }
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const app = `127.0.0.1:${server.address().port}`;
  shopify = configured(app);
  try {
    const begun = await realFetch(`http://${app}/auth`, {headers: browser, redirect: 'manual'});
    const cookies = begun.headers.getSetCookie().map((c) => c.split(';')[0]).join('; ');
    const approved = await fetch(begun.headers.get('location'), {headers: browser, redirect: 'manual'});
    await realFetch(approved.headers.get('location'), {headers: {...browser, cookie: cookies}, redirect: 'manual'});
    if (error) throw error;
    const spoiled = approved.headers.get('location').replace('code=', 'code=0');
    await realFetch(spoiled, {headers: {...browser, cookie: cookies}, redirect: 'manual'});
    return {session, shopify, spoiled: error?.constructor.name ?? null};
  } finally {
    server.close();
  }
}

const scenarios = {
  async code() {
    const {session, shopify, spoiled} = await install(false, true);
    return {session: seen(session), call: await name(shopify, session), spoiled};
  },
  async online() {
    const {session, shopify} = await install(true, false);
    return {session: seen(session), call: await name(shopify, session)};
  },
  async migrate() {
    const {session: old, shopify} = await install(false, false);
    const {session} = await shopify.auth.migrateToExpiringToken({shop: SHOP, nonExpiringOfflineAccessToken: old.accessToken});
    return {
      old: seen(old),
      session: seen(session),
      call: await name(shopify, session),
      again: await failure(shopify.auth.migrateToExpiringToken({shop: SHOP, nonExpiringOfflineAccessToken: old.accessToken})),
    };
  },
  async exchange() {
    const shopify = configured('app.example.com');
    const claims = await shopify.session.decodeSessionToken(await sessionToken());
    const ask = async (requestedTokenType) => shopify.auth.tokenExchange({shop: SHOP, sessionToken: await sessionToken(), requestedTokenType, expiring: true});
    const {session: online} = await ask(RequestedTokenType.OnlineAccessToken);
    const {session: offline} = await ask(RequestedTokenType.OfflineAccessToken);
    return {claims, online: seen(online), offline: seen(offline), call: await name(shopify, offline), own: await name(shopify, online)};
  },
  async refresh() {
    const {session, shopify} = await install(false, true);
    const {session: next} = await shopify.auth.refreshToken({shop: SHOP, refreshToken: session.refreshToken});
    const call = await name(shopify, next);
    await shopify.auth.refreshToken({shop: SHOP, refreshToken: next.refreshToken});
    return {
      session: seen(next),
      call,
      changed: next.accessToken !== session.accessToken && next.refreshToken !== session.refreshToken,
      stale: await failure(name(shopify, session)),
      dead: await failure(shopify.auth.refreshToken({shop: SHOP, refreshToken: session.refreshToken})),
    };
  },
  async client() {
    const shopify = configured('app.example.com');
    const {session} = await shopify.auth.clientCredentials({shop: SHOP});
    return {session: seen(session), call: await name(shopify, session)};
  },
  async rest() {
    const shopify = configured('app.example.com');
    const {session} = await shopify.auth.clientCredentials({shop: SHOP});
    const client = new shopify.clients.Rest({session});
    const ids = [];
    let page = await client.get({path: 'products', query: {limit: 10, fields: 'id'}});
    for (;;) {
      ids.push(...page.body.products.map((p) => p.id));
      if (!page.pageInfo?.nextPage) break;
      page = await client.get(page.pageInfo.nextPage);
    }
    const back = await client.get(page.pageInfo.prevPage);
    const made = await client.post({path: 'webhooks', data: {webhook: {topic: 'orders/create', address: 'https://app.example.com/hook', format: 'json'}}});
    const id = made.body.webhook.id;
    const changed = await client.put({path: `webhooks/${id}`, data: {webhook: {address: 'https://app.example.com/other'}}});
    await client.delete({path: `webhooks/${id}`});
    return {
      products: new Set(ids.map(String)).size,
      back: back.body.products.length,
      address: changed.body.webhook.address,
      gone: await failure(client.get({path: `webhooks/${id}`})),
      limit: page.headers['X-Shopify-Shop-Api-Call-Limit']?.[0] ?? null,
    };
  },
  async refused() {
    const shopify = configured('app.example.com');
    return {
      wrongSecret: await failure(shopifyApi({...shopify.config, apiSecretKey: 'guess', scopes: ['read_products']}).auth.clientCredentials({shop: SHOP})),
      wrongToken: await failure(name(shopify, new Session({id: 'x', shop: SHOP, state: '', isOnline: false, accessToken: 'guess'}))),
      // Signed by somebody else: the library does not even ask.
      forged: await failure(shopify.session.decodeSessionToken((await sessionToken()) + 'x')),
    };
  },
};

process.stdout.write(JSON.stringify(await scenarios[process.argv[2]]()) + '\n');
process.exit(0);

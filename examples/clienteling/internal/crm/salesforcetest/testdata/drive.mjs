// Drives jsforce against a simulated Salesforce and prints what came of it, as one line
// of JSON. Nothing is done to the library.
import jsforce from 'jsforce';

const {SIMS, CLIENT_ID, CLIENT_SECRET} = process.env;

let conn, SIM_URL; // of the scenario that runs

// failure is what the library makes of an error answer.
async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return {code: error.errorCode, fields: error.data?.fields ?? error.fields ?? null};
  }
  return null;
}

const contacts = (from, to, extra) => Array.from({length: to - from}, (_, i) => ({
  Posai_Key__c: `shop.example.com/${from + i}`, LastName: `Sample ${from + i}`, Email: `robin${from + i}@example.com`, ...extra,
}));

const scenarios = {
  async signin() {
    await conn.authorize({grant_type: 'client_credentials'});
    const versions = await conn.request('/services/data');
    const limits = await conn.limits();
    const refused = new jsforce.Connection({oauth2: new jsforce.OAuth2({loginUrl: SIM_URL, clientId: CLIENT_ID, clientSecret: 'wrong'})});
    let why = '';
    await refused.authorize({grant_type: 'client_credentials'}).catch((e) => { why = e.name; });
    return {
      instance: conn.instanceUrl, user: conn.userInfo?.id, version: versions[0].version, max: limits.DailyApiRequests.Max,
      used: conn.limitInfo.apiUsage?.used, limit: conn.limitInfo.apiUsage?.limit, why,
      noSession: await failure(new jsforce.Connection({instanceUrl: SIM_URL, accessToken: 'nothing'}).query('SELECT Id FROM Contact')),
    };
  },

  async describe() {
    await conn.authorize({grant_type: 'client_credentials'});
    const d = await conn.sobject('Contact').describe();
    const key = d.fields.find((f) => f.name === 'Posai_Key__c');
    const purchase = await conn.describe('Posai_Purchase__c');
    const lookup = purchase.fields.find((f) => f.name === 'Contact__c');
    const all = await conn.describeGlobal();
    return {
      external: key.externalId, unique: key.unique, length: key.length, lookup: lookup.referenceTo, relation: lookup.relationshipName,
      objects: all.sobjects.map((o) => o.name), missing: await failure(conn.describe('Nothing__c')),
    };
  },

  async records() {
    await conn.authorize({grant_type: 'client_credentials'});
    const sobject = conn.sobject('Contact');
    const one = await sobject.upsert({Posai_Key__c: 'A-1', LastName: 'Sample'}, 'Posai_Key__c');
    const again = await sobject.upsert({Posai_Key__c: 'A-1', LastName: 'Sample', FirstName: 'Robin'}, 'Posai_Key__c');
    const read = await sobject.retrieve(one.id);
    const made = await sobject.create({LastName: 'Made'});
    const changed = await sobject.update({Id: made.id, FirstName: 'Kim'});
    const deleted = await sobject.destroy(made.id);
    return {
      created: one.created, again: again.created, same: one.id === (again.id ?? one.id), first: read.FirstName, changed: changed.success, deleted: deleted.success,
      required: await failure(sobject.create({FirstName: 'Nobody'})),
      unknown: await failure(sobject.create({LastName: 'Sample', Nothing__c: 1})),
      notKey: await failure(sobject.upsert({Title: 'x', LastName: 'Sample'}, 'Title')),
      gone: await failure(sobject.retrieve(made.id)),
    };
  },

  async collections() {
    await conn.authorize({grant_type: 'client_credentials'});
    const sobject = conn.sobject('Contact');
    const first = await sobject.upsert(contacts(0, 200), 'Posai_Key__c');
    const second = await sobject.upsert([...contacts(199, 201), {Posai_Key__c: 'bad', LastName: 'Bad', Email: 'no address'}], 'Posai_Key__c');
    const many = await sobject.upsert(contacts(0, 450, {Title: 'Guest'}), 'Posai_Key__c', {allowRecursive: true}); // in threes
    const purchases = await conn.sobject('Posai_Purchase__c').upsert([
      {Posai_Key__c: 'o/1', Net__c: 12.5, Contact__r: {Posai_Key__c: 'shop.example.com/7'}},
      {Posai_Key__c: 'o/2', Net__c: 13, Contact__r: {Posai_Key__c: 'nobody'}},
    ], 'Posai_Key__c');
    const deleted = await sobject.destroy(first.slice(0, 3).map((r) => r.id));
    return {
      first: [first.length, first.every((r) => r.success && r.created)],
      second: second.map((r) => [r.success, r.created ?? null, r.errors[0]?.statusCode ?? null, r.errors[0]?.fields ?? null]),
      many: [many.length, many.filter((r) => r.created).length],
      purchases: purchases.map((r) => [r.success, r.errors[0]?.statusCode ?? null]),
      deleted: deleted.map((r) => r.success),
      allOrNone: (await sobject.upsert([{Posai_Key__c: 'x', LastName: 'X'}, {Posai_Key__c: 'y'}], 'Posai_Key__c', {allOrNone: true})).map((r) => r.errors[0]?.statusCode),
      tooMany: await failure(conn.requestPatch('/services/data/v66.0/composite/sobjects/Contact/Posai_Key__c', {
        allOrNone: false, records: contacts(0, 201).map((r) => ({attributes: {type: 'Contact'}, ...r})),
      })),
    };
  },

  async query() {
    await conn.authorize({grant_type: 'client_credentials'});
    await conn.sobject('Contact').upsert(contacts(0, 450), 'Posai_Key__c', {allowRecursive: true});
    await conn.sobject('Posai_Purchase__c').upsert([{Posai_Key__c: 'o/1', Contact__r: {Posai_Key__c: 'shop.example.com/7'}}], 'Posai_Key__c');
    const pages = await conn.query('SELECT Id, Email FROM Contact ORDER BY Email', {autoFetch: true, maxFetch: 1000});
    const found = await conn.sobject('Contact').find({Email: {$in: ['ROBIN3@example.com', 'robin4@example.com']}, LastName: {$ne: null}}, ['Id', 'Email']).sort({Email: 1}).limit(5);
    const nested = await conn.query("SELECT Posai_Key__c, Contact__r.Email FROM Posai_Purchase__c WHERE Contact__r.Posai_Key__c = 'shop.example.com/7'");
    const count = await conn.query('SELECT COUNT() FROM Contact');
    return {
      pages: [pages.totalSize, pages.records.length, pages.done], found: found.map((r) => r.Email), nested: nested.records[0].Contact__r.Email, count: count.totalSize,
      malformed: await failure(conn.query('SELEC Id FROM Contact')), noField: await failure(conn.query('SELECT Nothing__c FROM Contact')), noType: await failure(conn.query('SELECT Id FROM Nothing__c')),
    };
  },

  async bulk() {
    await conn.authorize({grant_type: 'client_credentials'});
    conn.bulk2.pollInterval = 10;
    conn.bulk2.pollTimeout = 60000;
    await conn.sobject('Contact').upsert(contacts(0, 1, {Title: 'Guest', FirstName: 'Robin'}), 'Posai_Key__c');
    const input = [...contacts(0, 250, {Title: '', FirstName: '#N/A'}), {Posai_Key__c: 'bad', LastName: 'Bad', Email: 'no address', Title: '', FirstName: 'a "b"\nc,d'}];
    const done = await conn.bulk2.loadAndWaitForResults({object: 'Contact', operation: 'upsert', externalIdFieldName: 'Posai_Key__c', input});
    const kept = await conn.sobject('Contact').find({Posai_Key__c: 'shop.example.com/0'}, ['Title', 'FirstName']);
    const purchases = await conn.bulk2.loadAndWaitForResults({
      object: 'Posai_Purchase__c', operation: 'upsert', externalIdFieldName: 'Posai_Key__c',
      input: [{Posai_Key__c: 'o/1', Net__c: '12.5', 'Contact__r.Posai_Key__c': 'shop.example.com/7'}, {Posai_Key__c: 'o/2', Net__c: '1', 'Contact__r.Posai_Key__c': 'nobody'}],
    });
    const job = conn.bulk2.createJob({object: 'Contact', operation: 'insert'});
    await job.open();
    await job.uploadData(contacts(900, 902));
    await job.abort();
    const aborted = (await job.check()).state;
    await job.delete();
    return {
      good: done.successfulResults.length, bad: done.failedResults.map((r) => r.sf__Error.split(':')[0]), unprocessed: done.unprocessedRecords.length,
      created: done.successfulResults.filter((r) => r.sf__Created === 'true').length, ids: done.successfulResults.every((r) => r.sf__Id.length === 18),
      kept: [kept[0].Title, kept[0].FirstName], purchases: [purchases.successfulResults.length, purchases.failedResults.map((r) => r.sf__Error.split(':')[0])],
      aborted, hard: await failure(conn.bulk2.createJob({object: 'Contact', operation: 'hardDelete'}).open()),
      noKey: await failure(conn.bulk2.createJob({object: 'Contact', operation: 'upsert', externalIdFieldName: 'Title'}).open()),
    };
  },
};

const seen = {};
for (const [name, url] of Object.entries(JSON.parse(SIMS))) { // an org each
  SIM_URL = url;
  conn = new jsforce.Connection({version: '66.0', oauth2: new jsforce.OAuth2({loginUrl: url, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET})});
  seen[name] = await scenarios[name]().catch((error) => ({failed: String(error)}));
}
process.stdout.write(JSON.stringify(seen));

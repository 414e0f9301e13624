// npm fhir-kit-client, unmodified, against a whole node over TLS. Run by with_node.py, which gives address, token, certificate.
import assert from 'node:assert/strict';
import https from 'node:https';
import {readFileSync} from 'node:fs';
import test from 'node:test';
import tls from 'node:tls';
import {gunzipSync, gzipSync} from 'node:zlib';
import Client from 'fhir-kit-client';

const {FHIR_URL: baseUrl, FHIR_TOKEN: bearerToken, FHIR_CERTIFICATE: certificate} = process.env;
const client = new Client({baseUrl, bearerToken});
const responseOf = (body) => Client.httpFor(body).response;

const family = (name) => ({resourceType: 'Patient', name: [{family: name, given: ['Kim']}]});
const createPatient = (name) => client.create({resourceType: 'Patient', body: family(name)});

// The status and first issue of a call that must fail; every failure is an OperationOutcome.
async function refusal(call) {
  const error = await call.then(() => assert.fail('the call went through'), (thrown) => thrown);
  assert.ok(error.response, error);
  assert.equal(error.response.data.resourceType, 'OperationOutcome');
  const [issue] = error.response.data.issue;
  assert.ok(issue.severity && issue.code);
  return {status: error.response.status, ...issue};
}

test('capabilities name what is done', async () => {
  const statement = await client.capabilityStatement();
  assert.equal(statement.resourceType, 'CapabilityStatement');
  assert.equal(statement.fhirVersion, '4.0.1');
  const patient = statement.rest[0].resource.find((one) => one.type === 'Patient');
  assert.deepEqual(patient.interaction.map((one) => one.code).filter((code) => code === 'vread'), ['vread']);
  assert.ok(patient.searchParam.some((one) => one.name === 'identifier'));
  assert.equal(patient.conditionalCreate, true);
});

test('create, read, vread, update, history, delete', async () => {
  const created = await createPatient('Lifecycle');
  const {id} = created;
  assert.equal(responseOf(created).status, 201);
  assert.equal(responseOf(created).headers.get('etag'), 'W/"1"');
  assert.match(responseOf(created).headers.get('location'), new RegExp(`/Patient/${id}/_history/1$`));

  const read = await client.read({resourceType: 'Patient', id});
  assert.equal(read.name[0].family, 'Lifecycle');
  assert.equal(responseOf(read).headers.get('etag'), 'W/"1"');
  assert.ok(Date.parse(responseOf(read).headers.get('last-modified')) <= Date.now());

  const updated = await client.update({resourceType: 'Patient', id, body: {...read, active: true}});
  assert.equal(responseOf(updated).status, 200);
  assert.equal(updated.meta.versionId, '2');
  const first = await client.vread({resourceType: 'Patient', id, version: '1'});
  assert.equal(first.active, undefined);

  await client.delete({resourceType: 'Patient', id});
  assert.equal((await refusal(client.read({resourceType: 'Patient', id}))).status, 410);
  const history = await client.history({resourceType: 'Patient', id});
  assert.equal(history.type, 'history');
  assert.deepEqual(history.entry.map((entry) => entry.request.method), ['DELETE', 'PUT', 'PUT']);
});

test('an update of nothing creates; a wrong id in the body is refused', async () => {
  const id = `put-${Date.now()}`;
  const made = await client.update({resourceType: 'Patient', id, body: {...family('Put'), id}});
  assert.equal(responseOf(made).status, 201);
  assert.equal((await refusal(client.update({resourceType: 'Patient', id, body: {...family('Put'), id: 'other'}}))).status, 400);
});

test('If-Match, If-None-Match and conditional create', async () => {
  const {id} = await createPatient('Conditional');
  const body = {...family('Conditional'), id, active: true};
  const options = {headers: {'If-Match': 'W/"1"'}};
  assert.equal((await client.update({resourceType: 'Patient', id, body, options})).meta.versionId, '2');
  assert.equal((await refusal(client.update({resourceType: 'Patient', id, body, options}))).status, 412);

  const unchanged = await raw('GET', `/Patient/${id}`, {headers: {'If-None-Match': 'W/"2"'}});
  assert.equal(unchanged.status, 304);
  assert.equal(unchanged.body.length, 0);
  assert.equal((await raw('GET', `/Patient/${id}`, {headers: {'If-None-Match': 'W/"1"'}})).status, 200);

  const identifier = [{system: 'urn:test', value: `once-${Date.now()}`}];
  const once = {headers: {'If-None-Exist': `identifier=urn:test|${identifier[0].value}`}};
  const make = () => client.create({resourceType: 'Patient', body: {...family('Once'), identifier}, options: once});
  const [first, second] = [await make(), await make()];
  assert.deepEqual([responseOf(first).status, responseOf(second).status], [201, 200]);
  assert.equal(first.id, second.id);
});

test('search pages through everything once', async () => {
  const name = `Page${Date.now()}`;
  const made = await Promise.all(Array.from({length: 7}, () => createPatient(name)));
  const found = [];
  let bundle = await client.search({resourceType: 'Patient', searchParams: {family: name, _count: 3}});
  assert.equal(bundle.type, 'searchset');
  for (; bundle; bundle = await client.nextPage({bundle})) {
    assert.ok(bundle.entry.length <= 3);
    found.push(...bundle.entry.map((entry) => entry.resource.id));
  }
  assert.deepEqual(found.sort(), made.map((one) => one.id).sort());
  const posted = await client.search({resourceType: 'Patient', searchParams: {family: name}, options: {postSearch: true}});
  assert.equal(posted.entry.length, 7);
  assert.equal((await refusal(client.search({resourceType: 'Patient', searchParams: {'no-such': 'x'}}))).status, 400);
});

test('search by date, token and reference', async () => {
  const patient = await createPatient('Subject');
  const observation = {
    resourceType: 'Observation', status: 'final', code: {coding: [{system: 'http://loinc.org', code: '718-7'}]},
    subject: {reference: `Patient/${patient.id}`}, effectiveDateTime: '2024-02-03T04:05:06Z',
    valueQuantity: {value: 1.5, unit: 'g/dL'},
  };
  const {id} = await client.create({resourceType: 'Observation', body: observation});
  const ids = async (searchParams) =>
    ((await client.search({resourceType: 'Observation', searchParams})).entry ?? []).map((entry) => entry.resource.id);
  const subject = `Patient/${patient.id}`;
  assert.deepEqual(await ids({subject, code: 'http://loinc.org|718-7', date: 'ge2024-02-03'}), [id]);
  assert.deepEqual(await ids({subject, date: 'lt2024-02-03'}), []);
  const inside = await client.compartmentSearch({resourceType: 'Observation', compartment: {resourceType: 'Patient', id: patient.id}});
  assert.deepEqual(inside.entry.map((entry) => entry.resource.id), [id]);
});

test('a batch fails entry by entry, a transaction as a whole', async () => {
  const bad = {resourceType: 'Patient', nickname: 'x'};
  const entry = (resource) => ({resource, request: {method: 'POST', url: 'Patient'}});
  const batch = await client.batch({body: {resourceType: 'Bundle', type: 'batch', entry: [entry(family('Good')), entry(bad)]}});
  assert.deepEqual(batch.entry.map((one) => one.response.status.slice(0, 3)), ['201', '400']);

  const name = `Atomic${Date.now()}`;
  const transaction = (...entries) => client.transaction({body: {resourceType: 'Bundle', type: 'transaction', entry: entries}});
  assert.equal((await refusal(transaction(entry(family(name)), entry(bad)))).status, 400);
  assert.equal((await client.search({resourceType: 'Patient', searchParams: {family: name}})).total, 0);

  const fullUrl = 'urn:uuid:8f14e45f-ceea-467f-a0e6-1f3b2d9a0c11';
  const encounter = {resourceType: 'Encounter', status: 'finished', class: {code: 'AMB'}, subject: {reference: fullUrl}};
  const done = await transaction({fullUrl, ...entry(family(name))}, {resource: encounter, request: {method: 'POST', url: 'Encounter'}});
  const [patient, visit] = done.entry.map((one) => one.response.location.split('/_history')[0].split('/').slice(-2).join('/'));
  const read = await client.read({resourceType: 'Encounter', id: visit.split('/')[1]});
  assert.equal(read.subject.reference, patient);
});

test('errors are outcomes with a place', async () => {
  const issue = await refusal(client.create({resourceType: 'Patient', body: {resourceType: 'Patient', birthDate: 'yesterday'}}));
  assert.equal(issue.status, 400);
  assert.deepEqual(issue.expression, ['Patient.birthDate']);
  assert.equal((await refusal(client.read({resourceType: 'Patient', id: 'none'}))).status, 404);
  assert.equal((await refusal(client.read({resourceType: 'Patients', id: 'none'}))).status, 404);
  assert.equal((await refusal(client.patch({resourceType: 'Patient', id: 'none', JSONPatch: []}))).status, 405);
});

test('without a token or with a wrong one: 401', async () => {
  for (const token of ['x', bearerToken.slice(0, -2) + (bearerToken.endsWith('AA') ? 'BB' : 'AA')]) {
    const stranger = new Client({baseUrl, bearerToken: token});
    assert.equal((await refusal(stranger.read({resourceType: 'Patient', id: '1'}))).status, 401);
  }
  assert.equal((await refusal(new Client({baseUrl}).search({resourceType: 'Patient'}))).status, 401);
  assert.equal((await new Client({baseUrl}).capabilityStatement()).resourceType, 'CapabilityStatement');
});

// ---- what the client hides: its transport unpacks gzip and chooses the version of TLS by itself ----

function raw(method, path, {headers = {}, body, ...options} = {}) {
  return new Promise((resolve, reject) => {
    const all = {Authorization: `Bearer ${bearerToken}`, ...headers};
    const request = https.request(baseUrl + path, {method, headers: all, ca: readFileSync(certificate), ...options}, (response) => {
      const chunks = [];
      const protocol = response.socket.getProtocol();
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks), protocol}));
    });
    request.on('error', reject);
    request.end(body);
  });
}

test('gzip in both directions', async () => {
  const body = gzipSync(JSON.stringify(family('Packed '.repeat(1000))));
  const sent = await raw('POST', '/Patient', {headers: {'Content-Type': 'application/fhir+json', 'Content-Encoding': 'gzip'}, body});
  assert.equal(sent.status, 201);
  const path = `/Patient/${JSON.parse(sent.body).id}`;
  const packed = await raw('GET', path, {headers: {'Accept-Encoding': 'gzip'}});
  assert.equal(packed.headers['content-encoding'], 'gzip');
  const plain = await raw('GET', path);
  assert.equal(plain.headers['content-encoding'], undefined);
  assert.deepEqual(gunzipSync(packed.body), plain.body);
  assert.ok(packed.body.length * 4 < plain.body.length);
});

test('TLS 1.3 and nothing older', async () => {
  assert.equal((await raw('GET', '/metadata')).protocol, 'TLSv1.3');
  const {hostname, port} = new URL(baseUrl);
  const old = new Promise((resolve, reject) => {
    const socket = tls.connect({host: hostname, port, ca: readFileSync(certificate), maxVersion: 'TLSv1.2'}, () => resolve(socket.end()));
    socket.on('error', reject);
  });
  await assert.rejects(old);
});

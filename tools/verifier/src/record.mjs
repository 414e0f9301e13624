// A record version: which elements it has, who anchored it when, and what became of it.
import {at, demand, equal, hex, plain, tagged, takeField, text} from './bytes.mjs';
import {rfc3339} from './chain.mjs';
import {checkCommandSignatures, checkLogged, contractRecords, openCommand} from './command.mjs';
import {keys, StateRows} from './rows.mjs';
import * as schema from './schema.mjs';
import {leafHash, nodeHash, verifyInclusion} from './tree.mjs';
import {decode} from './wire.mjs';

const profile = 'fhir-verbatim/1';
const statuses = {1: 'Superseded by a later version', 2: 'Entered in error', 3: 'Erased'};

function readCommand(bundle) {
  const command = openCommand(bundle.ledger, bundle.record.anchor, contractRecords, 'no anchor of records');
  const {anchor} = decode(schema.recordsPayload, command.payload);
  demand(anchor !== undefined && anchor.root.length === 32, 'no anchor of records');
  const count = BigInt(anchor.count);
  demand(count > 0n && (count & (count - 1n)) === 0n, 'no anchor of records');
  return {root: anchor.root, count, actor: command.actor};
}

function readElements(claim) {
  demand(claim.profile.toString('latin1') === profile, 'in a profile that is not known');
  demand(claim.type.length > 0 && claim.type.length <= 64, 'of no type');
  text(claim.type);
  const shown = [];
  for (const {leaf, path} of claim.elements) {
    const [salt, afterSalt] = takeField(leaf);
    const [name, afterName] = takeField(afterSalt);
    const [value, afterValue] = takeField(afterName);
    const [extra, rest] = takeField(afterValue);
    demand(rest.length === 0 && salt.length === 32 && name.length > 0, 'an element is not in its form');
    const last = shown[shown.length - 1];
    demand(last === undefined || Buffer.compare(last.bytes, name) < 0, 'elements out of order');
    const root = path.reduce((hash, step) => (step.left ? nodeHash(step.hash, hash) : nodeHash(hash, step.hash)), leafHash(leaf));
    demand(equal(root, claim.root), 'an element does not belong to it');
    shown.push({bytes: name, name: text(name), value: text(value), extra: text(extra)});
  }
  return shown;
}

function readCurrency(rows, actor, commitment) {
  const key = keys.exception(tagged('careledger/record-exception/1', actor, commitment));
  const known = rows.look(key);
  if (known === 'absent') return {current: true};
  if (known !== 'present') return {};
  const exception = rows.row(key, schema.recordException, 'exception');
  demand(statuses[exception.status] !== undefined, 'an exception of an unknown kind');
  return {exception};
}

function currencyLine({current, exception}, asOf) {
  if (current) return `Current ${asOf}: its custodian has declared no successor.`;
  if (!exception) return 'Current: nothing is said about later versions.';
  return `${statuses[exception.status]}, declared in block ${exception.height}; ${asOf}.`;
}

function stateSays({current, exception}) {
  if (current) return ', and that the record was current';
  return exception ? ', and what became of the record' : '';
}

// What it says, and the command that it rests on.
export function verifyRecord(bundle, committed) {
  const claim = bundle.record;
  const anchor = at('command', () => readCommand(bundle));
  at('log', () => checkLogged(claim.anchor, committed));
  const shown = at('record', () => readElements(claim));
  const commitment = tagged('careledger/record/1', claim.profile, claim.type, claim.root);
  at('anchor', () => verifyInclusion(leafHash(commitment), BigInt(claim.leaf), anchor.count, claim.leafPath, anchor.root));
  const [organisation, currency] = at('state', () => {
    const rows = new StateRows(claim.state, committed.stateRoot);
    const row = rows.row(keys.organisation(anchor.actor), schema.organisation, 'organisation');
    const authorities = rows.authorities(anchor.actor, claim.anchor.height);
    const found = readCurrency(rows, anchor.actor, commitment);
    rows.finish();
    checkCommandSignatures(authorities, claim.anchor);
    return [row, found];
  });
  const {header} = bundle.chain;
  const asOf = `as of block ${header.height - 1n} (${rfc3339(header.time)})`;
  const [type, name] = [plain(text(claim.type)), plain(organisation.name)];
  const lines = [
    `Record: a ${type} was anchored by "${name}" in block ${claim.anchor.height}, command ${claim.anchor.position}.`,
    `Organisation: ${hex(anchor.actor)}`,
    `Commitment: ${hex(commitment)}`,
  ];
  for (const element of shown) {
    if (element.value.length > 0) lines.push(`Shown: ${plain(element.name)} = ${plain(element.value)}`);
    if (element.extra.length > 0) lines.push(`Shown: _${plain(element.name)} = ${plain(element.extra)}`);
  }
  lines.push(currencyLine(currency, asOf));
  return {lines, what: 'anchor', logged: claim.anchor, ofState: stateSays(currency)};
}

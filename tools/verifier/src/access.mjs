// A list of accesses, complete by a head on the ledger; and the conviction of a custodian that left one out.
import {at, demand, equal, field, hex, plain, tagged, u32, u64} from './bytes.mjs';
import {rfc3339} from './chain.mjs';
import {MapView, prefixEnd} from './map.mjs';
import {checkCommandSignatures, checkLogged, contractAccess, openCommand} from './command.mjs';
import {checkSignatures, keys, StateRows} from './rows.mjs';
import * as schema from './schema.mjs';
import {decode} from './wire.mjs';

const rolePromise = 5;
const maxPromise = 4096;
const lastMs = 253402300799999n;   // of the year 9999
const isNone = (place) => place.length === 0;
const part = (salt, data) => tagged('careledger/audit-part/1', salt, data);

function readHead(bundle) {
  const none = "no head of the custodian's audit map";
  const command = openCommand(bundle.ledger, bundle.access.head, contractAccess, none);
  const {head} = decode(schema.accessPayload, command.payload);
  demand(head !== undefined && equal(command.actor, bundle.access.custodian), none);
  return {...head, height: bundle.access.head.height};
}

// The head that the state shows is the one that the command set where it stands: what the log says, the row cannot deny.
function readState(claim, committed, commanded) {
  const rows = new StateRows(claim.state, committed.stateRoot);
  const organisation = rows.row(keys.organisation(claim.custodian), schema.organisation, 'organisation');
  const head = rows.row(keys.head(claim.custodian), schema.accessHead, 'access head');
  const authorities = rows.authorities(claim.custodian, 0n);
  rows.finish();
  demand(equal(head.mapRoot, commanded.mapRoot) && equal(head.logRoot, commanded.logRoot) && head.size === commanded.size &&
         head.height === commanded.height, 'another head than the command set');
  checkCommandSignatures(authorities, claim.head);
  demand(head.mapRoot.length === 32, 'the head has no root');
  return [organisation, head, authorities];
}

function checkOpenings(openings, rows) {
  openings.forEach((opening, i) => {
    demand(opening.row < rows.length && (i === 0 || opening.row > openings[i - 1].row), 'of no row, or out of order');
    const hidden = opening.detailsHash.length > 0;
    demand(opening.entrySalt.length === 32 && (hidden || opening.detailsSalt.length === 32), 'not in its form');
    const details = hidden ? opening.detailsHash : part(opening.detailsSalt, opening.details);
    const commitment = tagged('careledger/audit-entry/1', part(opening.entrySalt, opening.entry), details);
    demand(equal(rows[opening.row].value, commitment), 'another entry than the one committed to');
  });
}

// The promise is the custodian's, and the list does not hold what it promises.
function checkBroken(bundle, head, authorities, list) {
  const claim = bundle.access;
  demand(claim.promise.promise.length <= maxPromise, 'too large');
  const promise = decode(schema.promise, claim.promise.promise);
  demand(equal(promise.ledger, bundle.ledger) && equal(promise.custodian, claim.custodian) && equal(promise.subject, claim.subject) &&
         promise.entry.length === 32, 'about something else');
  demand(promise.request.length === 32 && [0, 32].includes(promise.relationship.length),
         'does not say which request and relationship it was given for');
  demand(claim.promise.signatures.length > 0, 'not signed');
  const bytes = Buffer.concat([field('careledger/promise/1'), claim.promise.promise]);
  checkSignatures('promise', authorities, 0n, rolePromise, bytes, claim.promise.signatures);
  demand(head.size >= promise.sizeAtLeast, "about a later head than the list's");
  const place = Buffer.concat([u64(promise.timeMs), u32(promise.number)]);
  const covered = (isNone(claim.after) || Buffer.compare(claim.after, place) < 0) &&
                  (isNone(claim.before) || Buffer.compare(place, claim.before) < 0);
  demand(covered, 'about an entry outside this part of the list');
  const row = list.find(Buffer.concat([claim.subject, place]));
  demand(row === undefined || !equal(row.value, promise.entry), 'kept: the list holds the entry');
  return promise;
}

// Every row of the subject, or every one between the two that bound the part: those stand beside it and show no value.
function completeRows(claim, view) {
  const key = (place) => Buffer.concat([claim.subject, place]);
  const begin = isNone(claim.after) ? claim.subject : Buffer.concat([key(claim.after), Buffer.alloc(1)]);
  const end = isNone(claim.before) ? prefixEnd(claim.subject) : key(claim.before);
  const range = view.range(begin, end);
  demand(view.exactlyRange(range), 'more or less than the rows of one subject');
  for (const bound of [claim.after, claim.before].filter((place) => !isNone(place)))
    demand(view.look(key(bound)) === 'hash only', 'a part of it begins or ends at no entry of the subject');
  for (const leaf of range.rows) demand(leaf.key.length === 44 && leaf.value.length === 32, 'a row is not in its form');
  return range.rows;
}

function placeText(place) {
  const ms = place.readBigUInt64BE(0);
  const time = ms > lastMs ? `${ms} ms` : rfc3339({seconds: ms / 1000n, nanos: Number(ms % 1000n) * 1000000});
  return `${time}, number ${place.readUInt32BE(8)}`;
}

// A part never reads like the whole: what it is comes first, and what lies outside is named as such.
function listLines(claim, name, head, entries) {
  const shown = claim.openings.length;
  if (isNone(claim.after) && isNone(claim.before)) {
    return [`Access list: "${name}" recorded ${entries.length} accesses to one subject by its head of ${head.size} entries, ` +
      `and no other; ${shown} shown.`];
  }
  const bound = (place, none) => (isNone(place) ? none : `the entry at ${placeText(place)} (left out)`);
  const outside = isNone(claim.after) ? 'later' : isNone(claim.before) ? 'earlier' : 'earlier and later';
  return [
    `Part of an access list, not the whole: of the accesses to one subject "${name}" recorded ${entries.length} in this part by its head ` +
      `of ${head.size} entries, and no other; ${shown} shown.`,
    `Complete from ${bound(claim.after, 'the beginning')} to ${bound(claim.before, 'the end')}: ${entries.length} entries.`,
    `Not in this part: ${outside} accesses; there are some.`,
  ];
}

// What it says, and the command that it rests on.
export function verifyAccess(bundle, committed) {
  const claim = bundle.access;
  const commanded = at('command', () => readHead(bundle));
  at('log', () => checkLogged(claim.head, committed));
  const [organisation, head, authorities] = at('state', () => readState(claim, committed, commanded));
  const [list, entries] = at('list', () => {
    const view = new MapView(claim.list, head.mapRoot);
    return [view, completeRows(claim, view)];
  });
  at('opening', () => checkOpenings(claim.openings, entries));
  const promise = claim.promise ? at('promise', () => checkBroken(bundle, head, authorities, list)) : null;
  const name = plain(organisation.name);
  const lines = [
    ...listLines(claim, name, head, entries),
    `Organisation: ${hex(claim.custodian)}`,
    `Subject: ${hex(claim.subject)}`,
    `Head: set in block ${claim.head.height}, command ${claim.head.position}.`,
    `Newest as of block ${bundle.chain.header.height - 1n} (${rfc3339(bundle.chain.header.time)}): no later head had come.`,
  ];
  if (promise) {
    lines.push(`Conviction: "${name}" signed that this list would hold an access at ${promise.timeMs} by a head of ` +
      `${promise.sizeAtLeast} entries. It does not.`);
    lines.push(`Promised for request: ${hex(promise.request)}`);
    if (promise.relationship.length > 0) lines.push(`Promised for relationship: ${hex(promise.relationship)}`);
  }
  return {lines, what: 'head', logged: claim.head, ofState: ', and that no later head had come'};
}

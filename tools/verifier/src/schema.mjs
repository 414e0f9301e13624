// The messages of docs/formats/proof-bundle.md.
import {message} from './wire.mjs';

const many = {repeated: true};
const must = {required: true};

const time = message({1: ['seconds', 'int64'], 2: ['nanos', 'int32']});
const partSetHeader = message({1: ['total', 'uint32'], 2: ['hash', 'bytes']});
const blockId = message({1: ['hash', 'bytes'], 2: ['parts', partSetHeader, must]});
const header = message({
  1: ['version', message({1: ['block', 'uint64'], 2: ['app', 'uint64']}), must],
  2: ['chainId', 'bytes'], 3: ['height', 'int64'], 4: ['time', time, must], 5: ['lastBlockId', blockId, must],
  6: ['lastCommitHash', 'bytes'], 7: ['dataHash', 'bytes'], 8: ['validatorsHash', 'bytes'], 9: ['nextValidatorsHash', 'bytes'],
  10: ['consensusHash', 'bytes'], 11: ['appHash', 'bytes'], 12: ['lastResultsHash', 'bytes'], 13: ['evidenceHash', 'bytes'],
  14: ['proposerAddress', 'bytes'],
});
const vote = message({1: ['flag', 'int32'], 2: ['address', 'bytes'], 3: ['timestamp', time, must], 4: ['signature', 'bytes']});
const commit = message({1: ['height', 'int64'], 2: ['round', 'int32'], 3: ['blockId', blockId, must], 4: ['signatures', vote, many]});
const validator = message({1: ['key', 'bytes'], 2: ['power', 'uint64']});
const walkBlock = message({1: ['header', header, must], 2: ['commit', commit, must], 3: ['validators', validator, many]});
const chain = message({
  1: ['header', header, must], 2: ['commit', commit, must], 3: ['validators', validator, many],
  4: ['roots', message({1: ['name', 'bytes'], 2: ['value', 'bytes']}), many],
});

const signature = message({1: ['key', 'uint32'], 2: ['algorithm', 'uint32'], 3: ['signature', 'bytes']});
const signedCommand = message({1: ['command', 'bytes'], 2: ['signatures', signature, many]});
const signedPromise = message({1: ['promise', 'bytes'], 2: ['signatures', signature, many]});
const mapCut = message({1: ['shape', 'bytes'], 2: ['hashes', 'bytes'], 3: ['keys', 'bytes', many], 4: ['values', 'bytes', many]});
const record = message({
  1: ['profile', 'bytes'], 2: ['type', 'bytes'], 3: ['root', 'bytes'],
  4: ['elements', message({1: ['leaf', 'bytes'], 2: ['hashes', 'bytes'], 3: ['sides', 'bytes']}), many],
  5: ['command', signedCommand, must], 6: ['leaf', 'uint32'], 7: ['leafPath', 'bytes'], 8: ['height', 'uint64'],
  9: ['position', 'uint32'], 10: ['index', 'uint64'], 11: ['logPath', 'bytes'], 12: ['state', mapCut, must],
});
const logged = message({
  1: ['command', signedCommand, must], 2: ['height', 'uint64'], 3: ['position', 'uint32'], 4: ['index', 'uint64'], 5: ['path', 'bytes'],
});
const access = message({
  1: ['custodian', 'bytes'], 2: ['subject', 'bytes'], 3: ['list', mapCut, must],
  4: ['openings', message({1: ['row', 'uint32'], 2: ['entrySalt', 'bytes'], 3: ['entry', 'bytes'], 4: ['detailsHash', 'bytes'],
                           5: ['detailsSalt', 'bytes'], 6: ['details', 'bytes']}), many],
  5: ['state', mapCut, must], 6: ['promise', signedPromise], 7: ['head', logged, must], 8: ['after', 'bytes'], 9: ['before', 'bytes'],
});
export const bundle = message({
  1: ['ledger', 'bytes'], 2: ['chain', chain, must],
  3: ['record', record, {oneof: 'claim'}], 4: ['access', access, {oneof: 'claim'}],
  5: ['checkpoint', message({1: ['note', 'bytes'], 2: ['consistency', 'bytes']})],
  6: ['walk', walkBlock, {repeated: true, bytesMax: 1 << 20}],
});

export const command = message({
  1: ['ledger', 'bytes'], 2: ['actor', 'bytes'], 3: ['sequence', 'uint64'], 4: ['expiresMs', 'int64'], 5: ['contract', 'uint32'],
  6: ['payload', 'bytes'],
});
export const recordsPayload = message({
  1: ['anchor', message({1: ['root', 'bytes'], 2: ['count', 'uint32'], 3: ['supersedes', 'bytes', many],
                         4: ['enteredInError', 'bytes', many]}), {oneof: 'command'}],
});
export const accessPayload = message({
  1: ['head', message({1: ['mapRoot', 'bytes'], 2: ['logRoot', 'bytes'], 3: ['size', 'uint64']}), {oneof: 'command'}],
});
const authority = message({
  1: ['threshold', 'uint32'],
  2: ['keys', message({1: ['number', 'uint32'], 2: ['algorithm', 'uint32'], 3: ['publicKey', 'bytes'], 4: ['role', 'uint32'],
                       5: ['validFromMs', 'int64'], 6: ['validToMs', 'int64']}), many],
});
export const account = message({1: ['kind', 'uint32'], 2: ['status', 'uint32'], 3: ['authority', authority], 4: ['version', 'uint32']});
export const pastAuthority = message({1: ['authority', authority], 2: ['untilHeight', 'uint64']});
export const organisation = message({
  1: ['name', 'string'], 2: ['kind', 'uint32'], 3: ['status', 'uint32'], 4: ['sealingKey', 'bytes'], 5: ['admittedMs', 'int64'],
});
export const recordException = message({1: ['status', 'uint32'], 2: ['height', 'uint64']});
export const accessHead = message({1: ['mapRoot', 'bytes'], 2: ['logRoot', 'bytes'], 3: ['size', 'uint64'], 4: ['height', 'uint64']});
export const promise = message({
  1: ['ledger', 'bytes'], 2: ['custodian', 'bytes'], 3: ['subject', 'bytes'], 4: ['timeMs', 'uint64'], 5: ['number', 'uint32'],
  6: ['entry', 'bytes'], 7: ['sizeAtLeast', 'uint64'], 8: ['request', 'bytes'], 9: ['relationship', 'bytes'],
});

// The command that a claim rests on: what it is, where it stands in the log, and whose signatures it carries.
import {demand, equal, field, sha256, u32, u64} from './bytes.mjs';
import {checkSignatures} from './rows.mjs';
import * as schema from './schema.mjs';
import {leafHash, verifyInclusion} from './tree.mjs';
import {decode} from './wire.mjs';

export const contractRecords = 4;
export const contractAccess = 5;
const commandTag = field('careledger/command/1');
const maxCommand = 64 * 1024;
const roleCommand = 1;

// Actor and payload of a command of `contract` for this ledger; `what` says what it is not.
export function openCommand(ledger, logged, contract, what) {
  const bytes = logged.command.command;
  demand(bytes.length <= maxCommand, 'too large');
  const command = decode(schema.command, bytes);
  demand(equal(command.ledger, ledger), 'for another ledger');
  demand(command.actor.length === 32 && command.contract === contract, what);
  return command;
}

export function checkLogged({command, height, position, index, path}, committed) {
  demand(height > 0n && height < BigInt.asUintN(64, committed.height), "the command's block is not below the header");
  const leaf = Buffer.concat([sha256(commandTag, command.command), u64(height), u32(position)]);
  verifyInclusion(leafHash(leaf), index, committed.logSize, path, committed.logRoot);
}

export const checkCommandSignatures = (authorities, {command, height}) =>
  checkSignatures('state', authorities, height, roleCommand, Buffer.concat([commandTag, command.command]), command.signatures);

// Who signed: C2SP signed notes, keys, checkpoints and receipts. Ed25519 is the browser's own; where a browser lacks it, the
// signatures are left unchecked and said to be so.

import { Left, Lines, anything, bytes, digest, hex, join, text, token } from "./draw-text.js";

const SIGNATURE = 1, COSIGNATURE = 4; // algorithm bytes: a plain signature, a witness's with its time

/** NO_ED25519 is what is said of signatures in a browser without Ed25519. */
export const NO_ED25519 = "this browser cannot check Ed25519 signatures";

const base64 = (data) => btoa(String.fromCharCode(...data));

/** unbase64 accepts only the one canonical form. */
function unbase64(field) {
  let data;
  try {
    data = Uint8Array.from(atob(field), (char) => char.charCodeAt(0));
  } catch {
    data = new Uint8Array();
  }
  if (field === "" || base64(data) !== field) throw new Error(`${JSON.stringify(field)} is not canonical base64`);
  return data;
}

async function sha256(...parts) { return new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts))); }

/** parseKey reads "<name>+<hash>+<base64 of algorithm and key>". A witness's plain key stands for the key of its cosignatures. */
async function parseKey(vkey, algorithm) {
  const [, name, hash, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+([0-9A-Za-z+/=]+)$/.exec(vkey) ?? [];
  const key = encoded ? unbase64(encoded) : [];
  const id = async () => hex((await sha256(bytes(`${name}\n`), key)).subarray(0, 4));
  if (key.length !== 33 || (key[0] !== algorithm && key[0] !== SIGNATURE)) throw new Error(`${JSON.stringify(vkey)} is not an Ed25519 key`);
  if (await id() !== hash) throw new Error(`the hash of the key of ${name} is wrong`);
  key[0] = algorithm;
  return { name, id: await id(), algorithm, raw: key.slice(1) };
}

/** noticeKeys gives the log's key and those of the witnesses; all names and keys must differ. */
export async function noticeKeys(notice) {
  const log = await parseKey(notice.log, SIGNATURE);
  const witnesses = await Promise.all(notice.witnesses.map(({ key }) => parseKey(key, COSIGNATURE)));
  const all = [log, ...witnesses];
  for (const mark of [(key) => key.name, (key) => hex(key.raw)]) {
    if (new Set(all.map(mark)).size !== all.length) throw new Error("a name or a key is here twice");
  }
  return { log, witnesses };
}

/** valid tells whether a signature holds; undefined where the browser cannot tell. */
async function valid(key, signature, message) {
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key.raw, { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    if (error.name === "NotSupportedError") return undefined;
    return false;
  }
  return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, message);
}

/** openNote reads a signed note all of whose signatures are of these keys, there once, valid, and written in the one canonical way. */
async function openNote(data, keys) {
  const whole = text(data), end = whole.lastIndexOf("\n\n");
  if (end < 0 || /[\0-\x09\x0b-\x1f]/.test(whole)) throw new Error("not a signed note");
  const note = { text: whole.slice(0, end + 1), signatures: [], checked: true };
  const lines = new Lines(whole.slice(end + 2));
  while (lines.more) {
    const { name, encoded } = lines.row("—", { name: anything, encoded: anything });
    const signature = unbase64(encoded), id = hex(signature.subarray(0, 4));
    const key = keys.find((known) => known.name === name && known.id === id);
    if (!key || note.signatures.some((other) => other.key === key)) throw new Error(`the signature of ${name} is from an undeclared key, or there twice`);
    const signed = await checkSignature(key, signature.subarray(4), note.text);
    note.checked &&= signed.checked;
    note.signatures.push({ key, time: signed.time });
  }
  return note;
}

async function checkSignature(key, signature, message) {
  let time;
  if (key.algorithm === COSIGNATURE) {
    if (signature.length !== 72) throw new Error(`the cosignature of ${key.name} has the wrong length`);
    time = Number(new DataView(signature.buffer, signature.byteOffset).getBigInt64(0));
    if (time < 0) throw new Error(`the cosignature of ${key.name} has no time`);
    message = `cosignature/v1\ntime ${time}\n${message}`;
    signature = signature.subarray(8);
  }
  const outcome = await valid(key, signature, bytes(message));
  if (outcome === false) throw new Error(`the signature of ${key.name} is wrong`);
  return { time, checked: outcome !== undefined };
}

/** checkpointTime checks that a checkpoint is of this size and root, signed by the log and a quorum; it gives the quorum's time. */
export async function checkpointTime(data, keys, quorum, size, root) {
  const note = await openNote(data, [keys.log, ...keys.witnesses]);
  if (note.text !== `${keys.log.name}\n${size}\n${base64(root)}\n`) throw new Error("it is not of these lines of the log");
  if (!note.signatures.some(({ key }) => key === keys.log)) throw new Error("the log has not signed it");
  const times = note.signatures.filter(({ key }) => key !== keys.log).map(({ time }) => time).sort((a, b) => a - b);
  if (times.length < quorum) throw new Error(`${times.length} witnesses have cosigned, the quorum is ${quorum}`);
  if (!note.checked) throw new Left(NO_ED25519);
  return times[quorum - 1];
}

/** openReceipt reads a receipt that the log has signed, and says whether its signature could be checked. */
export async function openReceipt(data, log) {
  const note = await openNote(data, [log]);
  if (note.signatures.length === 0) throw new Error("the log has not signed it");
  return { ...parseReceipt(note.text), checked: note.checked };
}

function parseReceipt(file) {
  const lines = new Lines(file);
  lines.exact("draw/v1 receipt");
  const { id } = lines.row("id", { id: token }), { pool } = lines.row("pool", { pool: token });
  const { salt } = lines.row("salt", { salt: digest }), { person } = lines.row("person", { person: digest });
  lines.end();
  return { id, pool, salt, person };
}

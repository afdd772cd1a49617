// The hashes of draw/v1. SHA-256 is the browser's own (WebCrypto); SM3, which browsers lack, is written here from GB/T 32905-2016.
// Above them: the RFC 6962 tree.

import { bytes, hex, join, unhex } from "./draw-text.js";

const CHUNK = 1024; // hashes between two looks at the clock
const PATIENCE = 40; // milliseconds of work before the page may draw itself

/** tag is "draw/v1 " and a word, filled up with zeros to 32 bytes. */
export function tag(name) {
  const block = new Uint8Array(32);
  block.set(bytes(`draw/v1 ${name}`));
  return block;
}

/** Hash is H of a draw: "sha256" or "sm3". tick is told how many hashes were done. */
export class Hash {
  constructor(name, tick = () => {}) {
    this.name = name;
    this.tick = tick;
    this.rested = performance.now();
  }

  /** sum is H of the parts joined. */
  async sum(...parts) {
    const whole = join(...parts);
    return this.name === "sm3" ? sm3(whole) : new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
  }

  /** hexSum is sum in hex. */
  async hexSum(...parts) { return hex(await this.sum(...parts)); }

  /** each hashes message(0..count-1) and gives each digest to use(i, digest). message may reuse its buffer. */
  async each(count, message, use) {
    for (let start = 0; start < count; start += CHUNK) {
      const size = Math.min(CHUNK, count - start);
      if (this.name === "sm3") {
        for (let i = start; i < start + size; i++) use(i, sm3(message(i)));
      } else {
        const digests = await Promise.all(Array.from({ length: size }, (_, i) => crypto.subtle.digest("SHA-256", message(start + i))));
        digests.forEach((digest, i) => use(start + i, new Uint8Array(digest)));
      }
      this.tick(size);
      await this.rest();
    }
  }

  /** rest lets the page draw itself now and then. */
  async rest() {
    if (performance.now() - this.rested < PATIENCE) return;
    await new Promise((resume) => setTimeout(resume));
    this.rested = performance.now();
  }
}

// SM3: 64 rounds over 512-bit blocks.
const START = [0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e];
const W = new Int32Array(68);
const rotate = (x, n) => (x << n) | (x >>> (32 - n));
const CONSTANT = Int32Array.from({ length: 64 }, (_, j) => rotate(j < 16 ? 0x79cc4519 : 0x7a879d8a, j % 32));

/** sm3 gives the 32 bytes of the digest. */
export function sm3(message) {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(message.length) * 8n);
  const state = Int32Array.from(START);
  for (let at = 0; at < padded.length; at += 64) compress(state, view, at);
  const digest = new Uint8Array(32), out = new DataView(digest.buffer);
  state.forEach((part, i) => out.setInt32(4 * i, part));
  return digest;
}

function compress(state, view, at) {
  for (let j = 0; j < 16; j++) W[j] = view.getInt32(at + 4 * j);
  for (let j = 16; j < 68; j++) {
    const x = W[j - 16] ^ W[j - 9] ^ rotate(W[j - 3], 15);
    W[j] = x ^ rotate(x, 15) ^ rotate(x, 23) ^ rotate(W[j - 13], 7) ^ W[j - 6];
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let j = 0; j < 64; j++) {
    const a12 = rotate(a, 12), ss1 = rotate(a12 + e + CONSTANT[j] | 0, 7), ss2 = ss1 ^ a12;
    const ff = j < 16 ? a ^ b ^ c : a & b | a & c | b & c, gg = j < 16 ? e ^ f ^ g : e & f | ~e & g;
    const tt1 = ff + d + ss2 + (W[j] ^ W[j + 4]) | 0, tt2 = gg + h + ss1 + W[j] | 0;
    d = c; c = rotate(b, 9); b = a; a = tt1;
    h = g; g = rotate(f, 19); f = e; e = tt2 ^ rotate(tt2, 9) ^ rotate(tt2, 17);
  }
  [a, b, c, d, e, f, g, h].forEach((part, i) => { state[i] ^= part; });
}

/** leafRow hashes count leaves, H(00 ‖ leaf), into one row of 32 bytes each. */
export async function leafRow(hash, count, leaf) {
  const row = new Uint8Array(32 * count);
  await hash.each(count, (i) => join([0], leaf(i)), (i, digest) => row.set(digest, 32 * i));
  return row;
}

/** root climbs from a row of leaf hashes: H(01 ‖ left ‖ right), a node without a sibling rises as it is; H("") of nothing. */
export async function root(hash, row) {
  if (row.length === 0) return hash.sum();
  while (row.length > 32) {
    const below = row, pairs = Math.floor(below.length / 64), node = new Uint8Array(65);
    row = new Uint8Array(below.length - 32 * pairs);
    row.set(below.subarray(64 * pairs), 32 * pairs);
    node[0] = 1;
    await hash.each(pairs, (i) => {
      node.set(below.subarray(64 * i, 64 * i + 64), 1);
      return node;
    }, (i, digest) => row.set(digest, 32 * i));
  }
  return row;
}

/** included checks an audit path, {index, size, path in hex}, from an entry to the root of its pool (RFC 9162, 2.1.3.2). */
export async function included(hash, entry, proof, pool) {
  let at = proof.index, last = proof.size - 1;
  if (proof.size !== pool.size) throw new Error("the proof is for a pool of another size");
  if (!Number.isSafeInteger(at) || at < 0 || at > last) throw new Error("the place is outside the pool");
  let node = await hash.sum([0], entry);
  for (const step of proof.path ?? []) {
    if (last === 0) throw new Error("the path is too long");
    const sibling = unhex(step);
    if (at % 2 === 1 || at === last) {
      node = await hash.sum([1], sibling, node);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      node = await hash.sum([1], node, sibling);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  if (last !== 0 || hex(node) !== pool.root) throw new Error("the path does not lead from the entry to the root");
}

/** absent checks that an entry is not in a pool: its two neighbours, {entry, index, size, path}, stand side by side around it. */
export async function absent(hash, entry, { left, right }, pool) {
  const mine = hex(entry), first = left ? left.index + 1 : 0;
  for (const neighbour of [left, right]) if (neighbour) await included(hash, unhex(neighbour.entry), neighbour, pool);
  const around = (!left || left.entry < mine) && (!right || mine < right.entry), beside = right ? right.index === first : first === pool.size;
  if (!around || !beside) throw new Error("the proof that the entry is absent is wrong");
}

// Who wins: order of the entries, seed, scores, awards, promotions, and one citizen's own place.

import { bytes, compare, hex, join, unhex } from "./draw-text.js";
import { tag } from "./draw-hash.js";

const at = (pool, i) => pool.subarray(32 * i, 32 * i + 32);

/** checkOrder demands that the entries of a pool strictly ascend. */
export function checkOrder(pool) {
  for (let i = 1; i < pool.length / 32; i++) {
    if (compare(at(pool, i - 1), at(pool, i)) >= 0) throw new Error(`entry ${i} is not above the one before it`);
  }
}

/** checkDisjoint demands that no entry stands in two pools: entries are compared whole only where their first 8 bytes meet. */
export function checkDisjoint(pools) {
  if (pools.length < 2) return;
  const all = join(...pools), view = new DataView(all.buffer);
  const heads = BigUint64Array.from({ length: all.length / 32 }, (_, i) => view.getBigUint64(32 * i));
  const meeting = new Set(heads.slice().sort().filter((head, i, sorted) => i > 0 && sorted[i - 1] === head));
  const seen = new Set();
  heads.forEach((head, i) => {
    if (!meeting.has(head)) return;
    const entry = hex(at(all, i));
    if (seen.has(entry)) throw new Error(`${entry} is in two pools`);
    seen.add(entry);
  });
}

/** find gives the place of an entry in a pool, or -1. */
export function find(pool, entry) {
  let low = 0, high = pool.length / 32;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (compare(at(pool, middle), entry) < 0) low = middle + 1;
    else high = middle;
  }
  return low < pool.length / 32 && compare(at(pool, low), entry) === 0 ? low : -1;
}

/** entryOf is the entry that a receipt opens. */
export const entryOf = (hash, receipt) => hash.sum(tag("entry"), unhex(receipt.salt), unhex(receipt.person));

/** checkSecrets demands that every secret opens its helper's commitment. */
export async function checkSecrets(hash, plan, reveals) {
  for (const [i, { name, secret }] of reveals.entries()) {
    if (secret === "-") continue;
    if (/^0*$/.test(secret)) throw new Error(`the secret of ${name} is all zero`);
    const commitment = await hash.hexSum(tag("helper"), unhex(secret), bytes(`${plan.id} ${name}`));
    if (commitment !== plan.helpers[i].commitment) throw new Error(`the secret of ${name} does not open its commitment`);
  }
}

/** mixOf joins the secrets in plan order, zeros for a silent helper. */
export const mixOf = (hash, reveals) =>
  hash.sum(tag("mix"), ...reveals.map(({ secret }) => (secret === "-" ? new Uint8Array(32) : unhex(secret))));

/** seedOf is the seed: plan, helpers and beacon together. The beacon's value is SHA-256 of its signature, whatever H is. */
export async function seedOf(hash, planHash, reveals, signature) {
  const value = new Uint8Array(await crypto.subtle.digest("SHA-256", signature));
  return hash.sum(tag("seed"), unhex(planHash), await mixOf(hash, reveals), value);
}

/** scoreOf is an entry's score: the lower, the earlier. */
export const scoreOf = (hash, seed, entry) => hash.sum(seed.subarray(0, 16), entry);

/** select gives the awards of a draw; winners are {entry, score} in hex, in order. pools are in plan order. */
export async function select(hash, plan, seed, pools) {
  const queues = new Map();
  for (const [i, { name }] of plan.pools.entries()) queues.set(name, await queue(hash, seed, pools[i], name, reach(plan, name)));
  queues.set("*", [...queues.values()].flat().sort(byScore));
  const next = new Map(); // the first place of each queue that may still be free
  const take = (kind, name, scope, count) => {
    const line = queues.get(scope), winners = [];
    let place = next.get(scope) ?? 0;
    for (; place < line.length && winners.length < count; place++) {
      if (line[place].taken) continue;
      line[place].taken = true;
      winners.push(line[place]);
    }
    next.set(scope, place);
    return { kind, name, scope, count, winners };
  };
  const tiers = plan.tiers.map(({ name, scope, count }) => take("tier", name, scope, count));
  const short = new Map(tiers.map(({ name, count, winners }) => [name, count - winners.length]));
  const spills = plan.spills.map(({ name, scope }) => take("spill", name, scope, short.get(name)));
  return [...tiers, ...spills, ...plan.waits.map(({ scope, count }) => take("wait", "", scope, count))];
}

const byScore = (a, b) => (a.score + a.entry < b.score + b.entry ? -1 : 1);

/** reach is how far down the order of one pool the awards can reach at most: whatever is taken is a prefix of that order. */
function reach(plan, pool) {
  const mine = ({ scope }) => scope === "*" || scope === pool;
  const counts = new Map(plan.tiers.map(({ name, count }) => [name, count]));
  return [...plan.tiers.filter(mine), ...plan.waits.filter(mine)].reduce((sum, { count }) => sum + count, 0)
    + plan.spills.filter(mine).reduce((sum, { name }) => sum + counts.get(name), 0);
}

/**
 * queue gives the first entries of a pool by score, at least as many as can be reached. It keeps the first 16 bits of every score,
 * counts how many there are of each, and sorts only what is below the bar that holds enough.
 */
async function queue(hash, seed, pool, name, reached) {
  const size = pool.length / 32, heads = new Uint16Array(size), counts = new Uint32Array(65536), message = new Uint8Array(48);
  message.set(seed.subarray(0, 16));
  const scored = (i) => {
    message.set(at(pool, i), 16);
    return message;
  };
  await hash.each(size, scored, (i, digest) => counts[heads[i] = digest[0] << 8 | digest[1]]++);
  let bar = -1, enough = 0;
  while (bar < 65535 && enough < Math.min(reached, size)) enough += counts[++bar];
  const chosen = [];
  heads.forEach((head, i) => { if (head <= bar) chosen.push(i); });
  const line = [];
  await hash.each(chosen.length, (k) => scored(chosen[k]), (k, digest) => line.push({ entry: hex(at(pool, chosen[k])), score: hex(digest), pool: name }));
  return line.sort(byScore);
}

/** resultFile writes the result file. */
export function resultFile(planHash, seed, awards) {
  const lines = ["draw/v1 result", `plan ${planHash}`, `seed ${hex(seed)}`];
  for (const { kind, name, scope, count, winners } of awards) {
    lines.push([kind, ...(name ? [name] : []), scope, count, winners.length].join(" "));
    for (const { entry, score } of winners) lines.push(`${entry} ${score}`);
  }
  return `${lines.join("\n")}\nend\n`;
}

/**
 * ownPlace is the citizen's rule: the first award whose scope holds my pool and that is short, or whose last line is not before mine.
 * It gives {kind, name, scope, place}, or null for nothing.
 */
export function ownPlace(awards, pool, entry, score) {
  const mine = score + entry;
  for (const { kind, name, scope, count, winners } of awards) {
    const last = winners.at(-1);
    if (scope !== "*" && scope !== pool || winners.length === count && !(last && last.score + last.entry >= mine)) continue;
    const place = winners.findIndex((winner) => winner.entry === entry && winner.score === score);
    if (place < 0) throw new Error("the result has no line for this entry where the rule places it");
    return { kind, name, scope, place: place + 1 };
  }
  return null;
}

/**
 * replay demands that each promotion is the one that the rule gives: a freed prize of scope p goes to the next unused of the waitlist
 * of p, then of all pools. It gives who holds which award at the end, by entry.
 */
export function replay(awards, promotions) {
  const holds = new Map(), waiting = new Map();
  for (const award of awards) {
    if (award.kind === "wait") waiting.set(award.scope, award.winners.map(({ entry }) => entry).reverse());
    else for (const { entry } of award.winners) holds.set(entry, award);
  }
  promotions.forEach(({ old, next }, i) => {
    const award = holds.get(old);
    if (!award) throw new Error(`line ${i + 1}: ${old} holds no prize`);
    holds.delete(old);
    const expected = waiting.get(award.scope)?.pop() ?? waiting.get("*")?.pop() ?? "-";
    if (next !== expected) throw new Error(`line ${i + 1}: the prize goes to the wrong entry`);
    if (expected !== "-") holds.set(expected, award);
  });
  return holds;
}

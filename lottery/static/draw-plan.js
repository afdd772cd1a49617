// The documents of a draw: plan, notice, chain, beacon round, reveals, excluded, result, backfill and the log's lines. Each is read
// by its form; what one says about another is for verify.js.

import { Lines, anything, ascending, bytes, count, digest, distinct, hex, join, member, number, object, scope, text, token, unhex, word } from "./draw-text.js";

const QUICKNET = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971";
export const REHEARSAL = "rehearsal, not public randomness";

const forms = {
  id: { id: token }, hash: { hash: word("sha256", "sm3") }, notice: { notice: digest }, close: { close: number, delay: number },
  beacon: { network: word("drand"), chain: digest, round: number },
  helper: { name: token, commitment: digest }, pool: { name: token, size: number, root: digest },
  tier: { name: token, scope, count: number, amount: number }, spill: { name: token, scope }, wait: { scope, count: number },
  draw: { id: token }, log: { log: anything }, witness: { key: anything }, quorum: { quorum: number }, open: { open: number },
};
const plurals = { helper: "helpers", pool: "pools", tier: "tiers", spill: "spills", wait: "waits", witness: "witnesses" };
const least = { helper: 0, pool: 1, tier: 1, spill: 0, wait: 0, witness: 1 }, most = { helper: 99, pool: 9999, tier: 99, spill: 99, wait: 9999 };

/** termWords begin the lines that notice and plan share, byte for byte. */
export const termWords = ["hash", "close", "beacon", "helper", "tier", "spill", "wait"];
const planWords = ["id", "hash", "notice", "close", "beacon", "helper", "pool", "tier", "spill", "wait"];
const noticeWords = ["draw", "log", "witness", "quorum", "open", ...termWords];

/** Terms holds what the lines of a plan or a notice say: single values by name, lists by plural, the lines themselves by word. */
class Terms {
  constructor(words) {
    this.lines = Object.fromEntries(words.map((first) => [first, []]));
    for (const first of words) if (plurals[first]) this[plurals[first]] = [];
  }

  take(lines, first) {
    this.lines[first].push(lines.lines[lines.at]);
    const row = lines.row(first, forms[first]);
    if (plurals[first]) this[plurals[first]].push(row);
    else if (this.lines[first].length > 1) lines.fail(`a second line ${JSON.stringify(first)}`);
    else Object.assign(this, row);
  }

  check() {
    for (const [first, taken] of Object.entries(this.lines)) {
      const [from, to] = plurals[first] ? [least[first], most[first] ?? Infinity] : [1, 1];
      if (taken.length < from || taken.length > to) throw new Error(`${taken.length} lines ${JSON.stringify(first)}`);
    }
    ascending(this.helpers, (helper) => helper.name, "helpers");
    distinct(this.tiers, (tier) => tier.name, "tiers");
    distinct(this.spills, (spill) => spill.name, "spills");
    distinct(this.waits, (wait) => wait.scope, "waits");
    if (this.spills.some((spill) => !this.tiers.some((tier) => tier.name === spill.name))) throw new Error("a spill names no tier");
  }
}

/** parsePlan reads a plan in its one canonical form. */
export function parsePlan(data) {
  const lines = new Lines(text(data)), plan = new Terms(planWords);
  lines.exact("draw/v1");
  for (const first of planWords) while (lines.begins(first)) plan.take(lines, first);
  lines.exact("end");
  lines.end();
  plan.check();
  ascending(plan.pools, (pool) => pool.name, "pools");
  const scopes = new Set(["*", ...plan.pools.map((pool) => pool.name)]);
  for (const line of [...plan.tiers, ...plan.spills, ...plan.waits]) if (!scopes.has(line.scope)) throw new Error(`there is no pool ${line.scope}`);
  return plan;
}

/** parseNotice reads the machine lines of a notice: those that begin with one of its words. The rest is prose. */
export function parseNotice(data) {
  const lines = new Lines(text(data)), notice = new Terms(noticeWords);
  while (lines.more) {
    const first = noticeWords.find((known) => lines.begins(known));
    if (first) notice.take(lines, first);
    else lines.next();
  }
  notice.check();
  if (notice.open > notice.close) throw new Error("registration closes before it opens");
  const { quorum, witnesses } = notice;
  if (quorum > witnesses.length || 2 * quorum <= witnesses.length) throw new Error(`a quorum of ${quorum} of ${witnesses.length} witnesses is no majority`);
  return notice;
}

/** agree demands that the plan repeats the notice's terms byte for byte. */
export function agree(notice, plan) {
  if (notice.id !== plan.id) throw new Error(`the notice is of draw ${notice.id}, the plan of ${plan.id}`);
  const differ = termWords.filter((first) => notice.lines[first].join("\n") !== plan.lines[first].join("\n"));
  if (differ.length > 0) throw new Error(`the lines ${differ.join(", ")} of notice and plan differ`);
}

/** parseChain reads chain.json and checks that the chain's hash follows from its other fields. */
export async function parseChain(data) {
  const members = object(data);
  const chain = {
    publicKey: member(members, "public_key", (field) => unhex(field, 96)), period: count(members, "period"), genesis: count(members, "genesis_time"),
    seed: member(members, "genesis_seed", digest), hash: member(members, "hash", digest),
    scheme: member(members, "scheme", word("bls-unchained-g1-rfc9380")), id: member(members, "beacon_id", token),
  };
  if (members.size > 0) throw new Error(`${JSON.stringify([...members.keys()][0])} is unknown`);
  if (chain.period < 1 || chain.period >= 2 ** 32 || chain.id === "default") throw new Error("period or beacon_id is not allowed");
  const numbers = new DataView(new ArrayBuffer(12));
  numbers.setUint32(0, chain.period);
  numbers.setBigInt64(4, BigInt(chain.genesis));
  const preimage = join(new Uint8Array(numbers.buffer), chain.publicKey, unhex(chain.seed), bytes(chain.id));
  if (hex(new Uint8Array(await crypto.subtle.digest("SHA-256", preimage))) !== chain.hash) throw new Error("the chain hash does not follow from the other fields");
  chain.label = chain.hash === QUICKNET ? "" : REHEARSAL;
  return chain;
}

/** checkRound demands the plan's chain, and the round that its close and delay lead to. */
export function checkRound(chain, plan) {
  if (plan.chain !== chain.hash) throw new Error("the plan names another chain");
  const wait = plan.close + plan.delay - chain.genesis;
  if (wait < 0) throw new Error("close and delay end before the chain's genesis");
  const round = Math.ceil(wait / chain.period) + 1;
  if (plan.round !== round) throw new Error(`close and delay give round ${round}, the plan says ${plan.round}`);
}

/** roundTime is the unix second at which a round comes out. */
export const roundTime = (chain, round) => chain.genesis + (round - 1) * chain.period;

/** parseBeacon reads beacon.json. Exactly 48 bytes: a longer form of the same point would give another seed. */
export function parseBeacon(data) {
  const members = object(data);
  const round = { round: count(members, "round"), signature: member(members, "signature", (field) => unhex(field, 48)) };
  for (const name of [...members.keys()]) member(members, name);
  return round;
}

/** parseReveals reads one line a helper in plan order; a secret is "-" where the helper stayed silent. */
export function parseReveals(data, plan) {
  const lines = new Lines(text(data)), secret = (field) => (field === "-" ? field : digest(field));
  const reveals = plan.helpers.map((helper) => ({ name: helper.name, ...lines.row(helper.name, { secret }) }));
  lines.end();
  return reveals;
}

/** parseExcluded reads reasons and counts, ascending by reason. */
export function parseExcluded(data) {
  const rows = new Lines(text(data)).rows({ reason: token, count: number });
  ascending(rows, (row) => row.reason, "reasons");
  return rows;
}

/** parseBackfill reads promotions; next is "-" where the waitlists were used up. */
export function parseBackfill(data) {
  return new Lines(text(data)).rows({ old: digest, reason: token, next: (field) => (field === "-" ? field : digest(field)) });
}

const kinds = ["notice", "plan", "reveals", "beacon", "chain", "excluded", "result", "backfill", "void"];

/** parseLog reads the log's lines; one notice and one plan a draw, and no notice twice. */
export function parseLog(data) {
  const lines = new Lines(text(data)), log = [];
  while (lines.more) {
    const line = lines.lines[lines.at];
    log.push({ ...lines.row("", { kind: word(...kinds), id: token, hash: digest }), line });
  }
  const unique = log.filter(({ kind }) => kind === "notice" || kind === "plan");
  distinct(unique, ({ kind, id }) => `${kind} ${id}`, "a notice or a plan of one draw");
  distinct(unique.filter(({ kind }) => kind === "notice"), ({ hash }) => hash, "notices");
  return log;
}

/** parseResult reads a result file: awards with their winners, ascending by score and entry. */
export function parseResult(data) {
  const lines = new Lines(text(data));
  lines.exact("draw/v1 result");
  const { plan } = lines.row("plan", { plan: digest }), { seed } = lines.row("seed", { seed: digest });
  const awards = [];
  for (const kind of ["tier", "spill", "wait"]) {
    while (lines.begins(kind)) awards.push(parseAward(lines, kind));
  }
  lines.exact("end");
  lines.end();
  distinct(awards, (award) => `${award.kind} ${award.name || award.scope}`, "awards");
  return { plan, seed, awards };
}

function parseAward(lines, kind) {
  const form = kind === "wait" ? { scope, count: number, got: number } : { name: token, scope, count: number, got: number };
  const { name = "", scope: pools, count: size, got } = lines.row(kind, form);
  if (got > size) lines.fail("more winners than prizes");
  const winners = [];
  for (let i = 0; i < got; i++) winners.push(lines.row("", { entry: digest, score: digest }));
  ascending(winners, ({ score, entry }) => score + entry, "winners");
  return { kind, name, scope: pools, count: size, winners };
}

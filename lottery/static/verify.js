// The verifier of draw/v1 in a browser: a second implementation, from the specification. It checks a public bundle by every rule, or
// follows one receipt through it, and names each check as `hongbao verify` does. It needs WebCrypto, and so a page served over HTTPS.

import { Left, bytes, compare, hex, text } from "./draw-text.js";
import { Hash, absent, included, leafRow, root } from "./draw-hash.js";
import { agree, checkRound, parseBackfill, parseBeacon, parseChain, parseExcluded, parseLog, parseNotice, parsePlan, parseResult, parseReveals, roundTime } from "./draw-plan.js";
import { NO_ED25519, checkpointTime, noticeKeys, openReceipt } from "./draw-note.js";
import { checkDisjoint, checkOrder, checkSecrets, entryOf, find, ownPlace, replay, resultFile, scoreOf, seedOf, select } from "./draw-selection.js";

const KINDS = ["notice", "plan", "reveals", "beacon", "chain", "excluded", "result", "backfill", "void"];
const fileOf = (kind) => (kind === "beacon" || kind === "chain" ? `${kind}.json` : kind);
const STEPS = ["checkVoid", "checkPlan", "checkNotice", "checkChain", "checkPools", "checkReveals", "checkBeacon", "checkResult", "checkExcluded",
  "checkBackfill", "checkLog", "checkReceipt"];
const WORK = 3; // hashes for one entry: leaf, node, score

/**
 * verify checks a bundle and gives {checks, plan, label, reason, own}: every check made, the plan, what the chain is called unless it is
 * quicknet's, the reason of a voided draw, and what the receipt's entry got (null for nothing).
 *
 * open(path) gives a file of the bundle as bytes, null where there is none.
 * receipt, optional, is a receipt to follow.
 * proof(pool, entry), optional, gives {inclusion} or {absence} of an entry. With it only the receipt is followed: the entries are not
 *   fetched and the winners not recomputed.
 * beacon({chain, round, signature}), optional, throws unless the signature is the chain's. It is not written here.
 * report(check) is told of each check: {name, state: "pass" | "fail" | "left", detail}; progress(done, total) of the hashes.
 */
export async function verify({ open, receipt, proof, beacon, report = () => {}, progress = () => {} }) {
  const run = new Verification({ open, receipt, proof, beacon, report, progress });
  for (const step of STEPS) await run[step]();
  return { checks: run.checks, plan: run.terms, label: run.chain?.label ?? "", reason: run.reason, own: run.own };
}

/** need demands what earlier checks found. */
function need(...found) {
  if (found.includes(undefined)) throw new Error("not checked, because an earlier check failed");
}

// A field stays undefined until its check has passed.
class Verification {
  constructor(options) {
    Object.assign(this, options);
    this.checks = [];
    this.files = new Map(); // by kind
    this.done = this.total = 0;
    this.hashNamed("sha256");
  }

  hashNamed(name) {
    this.hash = new Hash(name, (size) => this.progress(this.done = Math.min(this.done + size, this.total), this.total));
  }

  add(name, state, detail = "") {
    const check = { name, state, detail };
    this.checks.push(check);
    this.report(check);
  }

  /** check records whether work throws; detail turns its value into words. It gives the value, or undefined. */
  async check(name, work, detail = () => "") {
    try {
      const value = (await work()) ?? true;
      this.add(name, "pass", detail(value));
      return value;
    } catch (error) {
      this.add(name, error instanceof Left ? "left" : "fail", error.message);
      return undefined;
    }
  }

  /** read gives a document. A voided draw ends where it was voided, so in it only the notice must be there. */
  async read(kind) {
    const found = await this.fetch(fileOf(kind), this.reason !== undefined && kind !== "notice");
    if (found) this.files.set(kind, found);
    return found;
  }

  async fetch(name, optional) {
    try {
      const found = await this.open(name);
      if (found || optional) return found ?? undefined;
      this.add(`file ${name}`, "fail", "the file is missing");
    } catch (error) {
      this.add(`file ${name}`, "fail", error.message);
    }
    return undefined;
  }

  async checkVoid() {
    const file = await this.fetch("void", true);
    if (!file) return;
    this.files.set("void", file);
    this.reason = "";
    await this.check("void", () => {
      this.reason = text(file).trim();
      if (this.reason === "" || file.at(-1) !== 10) throw new Error("the file gives no reason, or its last line does not end");
    }, () => this.reason);
  }

  async checkPlan() {
    const file = await this.read("plan");
    if (!file) return;
    this.terms = await this.check("plan", () => parsePlan(file));
    if (!this.terms) return;
    this.hashNamed(this.terms.hash);
    this.planHash = await this.hash.hexSum(file);
    if (!this.proof) this.total = WORK * this.terms.pools.reduce((sum, pool) => sum + pool.size, 0);
  }

  async checkNotice() {
    const file = await this.read("notice");
    if (!file) return;
    this.promise = await this.check("notice", async () => {
      const notice = parseNotice(file);
      return Object.assign(notice, { keys: await noticeKeys(notice) });
    });
    if (!this.terms) {
      if (this.promise) this.hashNamed(this.promise.hash);
      return;
    }
    if (this.promise) await this.check("notice and plan", () => agree(this.promise, this.terms));
    await this.check("notice hash", async () => {
      if (await this.hash.hexSum(file) !== this.terms.notice) throw new Error("its hash is not the one in the plan");
    });
  }

  async checkChain() {
    const file = await this.read("chain");
    if (!file) return;
    this.chain = await this.check("chain", () => parseChain(file), ({ hash }) => hash);
    if (this.chain && this.terms) await this.check("round", () => checkRound(this.chain, this.terms), () => String(this.terms.round));
  }

  async checkPools() {
    if (!this.terms || this.proof) return;
    const pools = [];
    for (const pool of this.terms.pools) pools.push(await this.check(`pool ${pool.name}`, () => this.pool(pool), () => `${pool.size} entries`));
    if (pools.includes(undefined)) return;
    if (await this.check("no entry in two pools", () => checkDisjoint(pools))) this.entries = pools;
  }

  async pool({ name, size, root: expected }) {
    const pool = await this.open(`pools/${name}`);
    if (!pool) throw new Error("the file is missing");
    if (pool.length !== 32 * size) throw new Error(`has ${pool.length} bytes, the plan says ${size} entries`);
    checkOrder(pool);
    const found = hex(await root(this.hash, await leafRow(this.hash, size, (i) => pool.subarray(32 * i, 32 * i + 32))));
    if (found !== expected) throw new Error(`has the root ${found}, the plan says ${expected}`);
    return pool;
  }

  async checkReveals() {
    const file = await this.read("reveals");
    if (!file) return;
    this.secrets = await this.check("reveals", async () => {
      need(this.terms);
      const reveals = parseReveals(file, this.terms);
      await checkSecrets(this.hash, this.terms, reveals);
      return reveals;
    }, (reveals) => {
      const silent = reveals.filter(({ secret }) => secret === "-").map(({ name }) => name);
      return silent.length > 0 ? `no reveal from ${silent.join(", ")}` : "every helper revealed";
    });
  }

  async checkBeacon() {
    const file = await this.read("beacon");
    if (!file) return;
    this.round = await this.check("beacon", () => {
      if (this.reason !== undefined) throw new Error("the draw was voided although its beacon value had come in");
      const round = parseBeacon(file);
      need(this.terms, this.chain);
      if (round.round !== this.terms.round) throw new Error(`is of round ${round.round}, the plan says ${this.terms.round}`);
      return round;
    }, () => this.chain.label);
    if (!this.round) return;
    await this.check("beacon signature", () => {
      if (!this.beacon) throw new Left("left to `hongbao verify`");
      return this.beacon({ chain: text(this.files.get("chain")), round: this.round.round, signature: hex(this.round.signature) });
    });
  }

  async checkResult() {
    const file = await this.read("result");
    if (!file) return;
    await this.check("result", async () => {
      if (this.reason !== undefined) throw new Error("a voided draw has a result");
      need(this.terms, this.chain, this.secrets, this.round);
      this.seed = await seedOf(this.hash, this.planHash, this.secrets, this.round.signature);
      if (this.proof) return this.readResult(file);
      need(this.entries);
      const awards = await select(this.hash, this.terms, this.seed, this.entries);
      const expected = bytes(resultFile(this.planHash, this.seed, awards));
      if (expected.length !== file.length || compare(expected, file) !== 0) throw new Error("it is not what the draw gives");
      this.awards = awards;
    }, () => (this.proof ? "of this plan and this seed; the winners were not recomputed" : "recomputed, the same byte for byte"));
  }

  readResult(file) {
    const { plan, seed, awards } = parseResult(file);
    if (plan !== this.planHash || seed !== hex(this.seed)) throw new Error("it is of another plan or another seed");
    this.awards = awards;
  }

  async checkExcluded() {
    const file = await this.read("excluded");
    if (file) await this.check("excluded", () => parseExcluded(file), (rows) => `${rows.reduce((sum, row) => sum + row.count, 0)} registrations`);
  }

  async checkBackfill() {
    const file = await this.read("backfill");
    if (!file) return;
    await this.check("backfill", () => {
      const promotions = parseBackfill(file);
      if (promotions.length > 0) {
        need(this.awards);
        this.holds = replay(this.awards, promotions);
      }
      return promotions;
    }, (promotions) => `${promotions.length} promotions`);
  }

  async checkLog() {
    const file = await this.fetch("log", false);
    const log = file && await this.check("log", () => parseLog(file), (lines) => `${lines.length} lines`);
    if (!log) return;
    const id = (this.terms ?? this.promise)?.id;
    const own = log.map((line, i) => ({ ...line, size: i + 1 })).filter((line) => line.id === id);
    await this.logged(own);
    const times = await this.checkpoints(log, own);
    await this.check("order and time", () => this.order(own, times));
  }

  /** logged demands that each document is in the log once with its hash, and each one in the log is in the bundle. */
  async logged(own) {
    for (const kind of KINDS) {
      const hashes = own.filter((line) => line.kind === kind).map(({ hash }) => hash), file = this.files.get(kind);
      if (!file && hashes.length === 0 && (this.reason !== undefined || kind === "void")) continue;
      await this.check(`log line ${kind}`, async () => {
        if (!file) throw new Error(`the log has ${hashes.length} lines for a file that cannot be read`);
        if (kind === "backfill") return this.prefixes(file, hashes);
        if (hashes.length !== 1) throw new Error(`the log has ${hashes.length} lines for it`);
        if (await this.hash.hexSum(file) !== hashes[0]) throw new Error("the file's hash is not the one in the log");
        return true;
      }, () => hashes.join(" "));
    }
  }

  /** prefixes demands that the logged hashes are of growing prefixes of whole lines, the last of the whole file. */
  async prefixes(file, hashes) {
    let found = 0, last = 0;
    for (let end = 0; found < hashes.length && end <= file.length; end = (file.indexOf(10, end) + 1) || file.length + 1) {
      const sum = await this.hash.hexSum(file.subarray(0, end));
      for (; hashes[found] === sum; found++) last = end;
      await this.hash.rest();
    }
    if (found < hashes.length) throw new Error(`hash ${found + 1} in the log is not of a prefix of whole lines`);
    if (last !== file.length) throw new Error("the last hash in the log is not of the whole file");
  }

  /** checkpoints checks that of each line of this draw, and of the log's last line; it gives times by size. */
  async checkpoints(log, own) {
    const times = new Map();
    if (!this.promise) {
      await this.check("checkpoints", () => need(undefined));
      return times;
    }
    const sha256 = new Hash("sha256"), leaves = await leafRow(sha256, log.length, (i) => bytes(log[i].line));
    const sizes = [...new Set([...own.map(({ size }) => size), log.length])].filter((size) => size > 0);
    for (const size of sizes) {
      const time = await this.check(`checkpoint ${size} (${log[size - 1].kind})`, async () => {
        const file = await this.open(`checkpoints/${size}`);
        if (!file) throw new Error("the file is missing");
        return checkpointTime(file, this.promise.keys, this.promise.quorum, size, await root(sha256, leaves.subarray(0, 32 * size)));
      });
      times.set(size, time);
    }
    return times;
  }

  /** order demands notice < open <= close <= plan <= reveals < the round, and the lines in that order. */
  order(own, times) {
    need(this.promise);
    if (this.checks.some(({ name, state }) => name.startsWith("checkpoint ") && state === "left")) throw new Left(NO_ED25519);
    if (own[0]?.kind !== "notice") throw new Error("the draw's first line in the log is not its notice");
    const first = (kind) => own.find((line) => line.kind === kind)?.size;
    for (const [one, other] of [["plan", "reveals"], ["reveals", "beacon"], ["reveals", "result"], ["result", "backfill"]]) {
      if (first(other) < first(one)) throw new Error(`${other} is in the log before ${one}`);
    }
    const time = (kind) => times.get(first(kind));
    const demand = (holds, rule) => { if (!holds) throw new Error(rule); };
    demand(time("notice") < this.promise.open, "the notice was not cosigned before registration opened");
    demand(time("plan") === undefined || this.promise.close <= time("plan"), "the plan was cosigned before registration closed");
    if (time("reveals") !== undefined) {
      demand(time("plan") <= time("reveals"), "the reveals were cosigned before the plan");
      demand(!this.chain || time("reveals") < roundTime(this.chain, this.promise.round), "the reveals were not cosigned before the beacon round");
    }
    const whole = this.chain && time("plan") !== undefined && time("reveals") !== undefined;
    demand(this.reason !== undefined || whole, "plan, reveals or chain have no time");
  }

  async checkReceipt() {
    if (!this.receipt) return;
    const mine = await this.check("receipt", () => {
      need(this.promise);
      return openReceipt(this.receipt, this.promise.keys.log);
    });
    if (!mine) return;
    if (!mine.checked) this.add("receipt signature", "left", NO_ED25519);
    const entry = await this.check("receipt's entry", () => this.place(mine), ({ hex: entryHex, index }) => `${entryHex} at ${index} of pool ${mine.pool}`);
    if (!entry || !this.awards) return;
    await this.check("receipt's result", async () => {
      const score = hex(await scoreOf(this.hash, this.seed, entry.bytes));
      const own = ownPlace(this.awards, mine.pool, entry.hex, score), held = this.holds?.get(entry.hex);
      this.own = own && { ...own, promoted: own.kind === "wait" && held !== undefined, released: own.kind !== "wait" && this.holds !== undefined && !held, prize: held?.name ?? own.name };
      return score;
    }, (score) => `score ${score}: ${inWords(this.own)}`);
  }

  /** place demands that the receipt's entry stands in its pool, by the pool itself or by a proof. */
  async place(mine) {
    need(this.terms);
    const at = this.terms.pools.findIndex(({ name }) => name === mine.pool);
    if (mine.id !== this.terms.id || at < 0) throw new Error(`it is for pool ${mine.pool} of draw ${mine.id}`);
    const pool = this.terms.pools[at], entry = await entryOf(this.hash, mine), missing = new Error(`${hex(entry)} is not in pool ${mine.pool}`);
    if (!this.proof) {
      need(this.entries);
      const index = find(this.entries[at], entry);
      if (index < 0) throw missing;
      return { bytes: entry, hex: hex(entry), index };
    }
    const { inclusion, absence } = await this.proof(mine.pool, hex(entry));
    if (!inclusion) {
      await absent(this.hash, entry, absence, pool);
      throw missing;
    }
    await included(this.hash, entry, inclusion, pool);
    return { bytes: entry, hex: hex(entry), index: inclusion.index };
  }
}

/** inWords says a place as `hongbao verify` does. */
function inWords(own) {
  if (!own) return "no prize and no place on a waitlist";
  return own.kind === "wait" ? `place ${own.place} on the waitlist of ${own.scope}` : `${own.kind} ${own.name}, place ${own.place}`;
}

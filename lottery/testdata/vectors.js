// Runs in a browser over the modules that the draw page serves: a function for each kind of vector.

/** vector computes one draw as a stranger would and gives what it found, in the words of the vector's "expect". */
export async function vector({ text, hash, plan, selection }, v, chainFile) {
  const latin = (string) => Uint8Array.from(string, (char) => char.charCodeAt(0));
  const terms = plan.parsePlan(latin(v.plan)), H = new hash.Hash(terms.hash);
  plan.checkRound(await plan.parseChain(latin(chainFile)), terms);
  const pools = [];
  for (const { name, size, root } of terms.pools) {
    const pool = v.generate?.[name] ? await generated(text, H, v.generate[name]) : text.join(...v.pools[name].map((entry) => text.unhex(entry)));
    if (pool.length !== 32 * size) throw new Error("another number of entries");
    selection.checkOrder(pool);
    const found = text.hex(await hash.root(H, await hash.leafRow(H, size, (i) => pool.subarray(32 * i, 32 * i + 32))));
    if (found !== root) throw new Error("another root");
    pools.push(pool);
  }
  selection.checkDisjoint(pools);
  const secrets = { ...v.reveals }, lines = [];
  for (const { name } of terms.helpers) {
    lines.push(`${name} ${secrets[name] ?? "-"}\n`);
    delete secrets[name];
  }
  for (const [name, secret] of Object.entries(secrets)) lines.push(`${name} ${secret}\n`);
  const reveals = plan.parseReveals(latin(lines.join("")), terms);
  await selection.checkSecrets(H, terms, reveals);
  const planHash = await H.hexSum(latin(v.plan));
  const seed = await selection.seedOf(H, planHash, reveals, text.unhex(v.beacon.signature, 48));
  const awards = await selection.select(H, terms, seed, pools);
  const file = selection.resultFile(planHash, seed, awards), parsed = plan.parseResult(latin(file));
  if (JSON.stringify(parsed.awards.map(({ winners }) => winners.length)) !== JSON.stringify(awards.map(({ winners }) => winners.length))) throw new Error("the result is not read back as it was written");
  const inclusion = v.expect.inclusion, pool = terms.pools.find(({ name }) => name === inclusion.pool);
  await hash.included(H, text.unhex(inclusion.entry), { index: inclusion.index, size: pool.size, path: inclusion.path }, pool);
  return {
    plan_hash: planHash, mix: text.hex(await selection.mixOf(H, reveals)), seed: text.hex(seed), result_len: file.length,
    result_hash: await H.hexSum(latin(file)), score: text.hex(await selection.scoreOf(H, seed, text.unhex(inclusion.entry))),
  };
}

async function generated(text, H, { label, n }) {
  const list = [];
  await H.each(n, (i) => text.bytes(`test entry ${label} ${i}`), (i, digest) => list.push(digest));
  return text.join(...list.sort(text.compare));
}

/** check verifies a bundle given as base64 by path, and gives each check as "state name", and what the receipt's entry got. */
export async function check({ verify }, files, receipt, beacon) {
  const decode = (encoded) => Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
  const open = async (path) => (path in files ? decode(files[path]) : null);
  const { checks, own } = await verify.verify({ open, receipt: receipt && decode(receipt), beacon });
  return { checks: checks.map(({ name, state, detail }) => ({ name, state, detail })), own: own ?? null };
}

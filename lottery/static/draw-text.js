// Bytes and text of draw/v1, read strictly: a file has one form, and whatever departs from it is an error that names the line.
// A digest that was read stays lower-case hex, so that === compares it and < orders it by byte.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Left is thrown by a check that this browser cannot make: it neither passes nor fails. */
export class Left extends Error {}

/** bytes gives the UTF-8 bytes of a text. */
export const bytes = (text) => encoder.encode(text);

/** text reads UTF-8 and refuses anything else. */
export function text(data) {
  try {
    return decoder.decode(data);
  } catch {
    throw new Error("not UTF-8");
  }
}

export const hex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** unhex reads size bytes of lower-case hex. */
export function unhex(text, size = 32) {
  if (text.length !== 2 * size || !/^[0-9a-f]*$/.test(text)) throw new Error(`not ${size} bytes of lower-case hex`);
  return Uint8Array.from({ length: size }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

/** join puts byte strings one after the other. */
export function join(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** compare orders two byte strings of one length. */
export function compare(a, b) {
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return a[i] - b[i];
  }
  return 0;
}

// Readers of one field: they take its text and give its value.
const reader = (what, pattern, value = (field) => field) => (field) => {
  if (!pattern.test(field)) throw new Error(`${JSON.stringify(field)} is not ${what}`);
  return value(field);
};
export const token = reader("a token", /^[a-z0-9][a-z0-9._-]{0,63}$/);
export const scope = reader("a pool or *", /^(\*|[a-z0-9][a-z0-9._-]{0,63})$/);
export const number = reader("a number", /^(0|[1-9][0-9]{0,14})$/, Number);
export const digest = reader("32 bytes of lower-case hex", /^[0-9a-f]{64}$/);
export const word = (...allowed) => reader(allowed.join(" or "), new RegExp(`^(${allowed.join("|")})$`));
export const anything = reader("a field", /^/);

/** Lines reads a text file whose every line ends in \n. An empty file has none. */
export class Lines {
  constructor(file) {
    this.lines = file.split("\n");
    this.at = 0;
    if (this.lines.pop() !== "") throw new Error("the last line does not end");
  }

  get more() { return this.at < this.lines.length; }

  /** next takes a line whole. */
  next() {
    if (!this.more) throw new Error("the file ends too early");
    return this.lines[this.at++];
  }

  /** begins tells whether the next line begins with a word and a space. */
  begins(first) { return this.more && this.lines[this.at].startsWith(`${first} `); }

  /** exact takes a line that must be this one. */
  exact(line) {
    if (this.next() !== line) this.fail(`want ${JSON.stringify(line)}`);
  }

  /** row takes a line of named fields, one space between them, after a first word unless that is "". */
  row(first, form) {
    let line = this.next();
    if (first !== "") {
      if (!line.startsWith(`${first} `)) this.fail(`want a line ${JSON.stringify(first)}`);
      line = line.slice(first.length + 1);
    }
    const names = Object.keys(form), fields = line.split(" ");
    if (fields.length !== names.length) this.fail(`want ${names.length} fields with one space between`);
    try {
      return Object.fromEntries(names.map((name, i) => [name, form[name](fields[i])]));
    } catch (error) {
      return this.fail(error.message);
    }
  }

  /** rows takes all lines that are left. */
  rows(form) {
    const rows = [];
    while (this.more) rows.push(this.row("", form));
    return rows;
  }

  end() {
    if (this.more) {
      this.at++;
      this.fail("nothing may follow");
    }
  }

  fail(reason) { throw new Error(`line ${Math.max(this.at, 1)}: ${reason}`); }
}

/** ascending demands that a list strictly ascends by a key; distinct that no key is there twice. */
export function ascending(list, key, what) {
  if (list.some((item, i) => i > 0 && key(list[i - 1]) >= key(item))) throw new Error(`${what} are not in ascending order`);
}
export function distinct(list, key, what) {
  if (new Set(list.map(key)).size !== list.length) throw new Error(`${what}: one is here twice`);
}

/** object reads one JSON object of strings and whole numbers, each name once, nothing after it. Numbers stay text. */
export function object(data) {
  const source = text(data), members = new Map();
  const space = /[ \t\r\n]*/y, string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y, value = /(?:0|[1-9][0-9]*)(?![0-9.eE])/y;
  let at = 0;
  const take = (pattern) => {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match) at += match[0].length;
    return match?.[0];
  };
  const mark = (...allowed) => {
    take(space);
    if (!allowed.includes(source[at])) throw new Error("not a JSON object of strings and whole numbers");
    const found = source[at++];
    take(space);
    return found;
  };
  const takeMember = () => {
    const name = JSON.parse(take(string) ?? "null");
    mark(":");
    const quoted = take(string), plain = quoted === undefined && take(value);
    if (name === null || members.has(name) || plain === undefined) throw new Error(`the member ${JSON.stringify(name)} is malformed or here twice`);
    members.set(name, quoted === undefined ? { number: plain } : JSON.parse(quoted));
  };
  mark("{");
  if (source[at] === "}") mark("}");
  else do takeMember(); while (mark(",", "}") === ",");
  if (at !== source.length) throw new Error("something follows the JSON object");
  return members;
}

/** member takes a string out of an object and gives it to a reader; count takes a whole number. */
export function member(members, name, read = anything) {
  const value = members.get(name);
  members.delete(name);
  if (typeof value !== "string") throw new Error(`${JSON.stringify(name)} is missing or not a string`);
  return read(value);
}
export function count(members, name) {
  const value = members.get(name);
  members.delete(name);
  if (value === undefined || typeof value === "string") throw new Error(`${JSON.stringify(name)} is missing or not a number`);
  return number(value.number);
}

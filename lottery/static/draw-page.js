// The part of the public draw page that checks: a receipt, or the whole draw, in this browser. What is found stands in the page check
// by check as it is found; what was not checked is said to be so.

import { loadBeacon } from "./draw-beacon.js";
import { verify } from "./verify.js";

const chinese = document.documentElement.lang.startsWith("zh");
const tr = (zh, en) => (chinese ? zh : en);
const card = document.querySelector("#check");
const part = (name) => card.querySelector(`[data-part="${name}"]`);
const pasted = card.querySelector("#f-receipt");
const { draw, runtime, program } = card.dataset;

// What each check is called in 中文; in English its own name says it.
const titles = [
  [/^file (.+)$/, "文件 $1"], [/^void$/, "作废原因"], [/^plan$/, "抽签方案格式"], [/^notice$/, "公告与签名密钥"],
  [/^notice and plan$/, "方案与公告逐字一致"], [/^notice hash$/, "公告指纹"], [/^chain$/, "信标来源"], [/^round$/, "信标轮次由截止时间算出"],
  [/^pool (.+)$/, "名单 $1：次序、人数、指纹"], [/^no entry in two pools$/, "没有编号同时在两份名单里"], [/^reveals$/, "协助方的随机数与承诺一致"],
  [/^beacon$/, "公共随机数的轮次与格式"], [/^beacon signature$/, "公共随机数的签名（BLS）"], [/^result$/, "中签结果"], [/^excluded$/, "排除人数"],
  [/^backfill$/, "候补递补"], [/^log$/, "公开日志"], [/^log line (.+)$/, "日志中的文件指纹：$1"], [/^checkpoints$/, "见证人签名"],
  [/^checkpoint (\d+) \((.+)\)$/, "日志第 $1 行（$2）的见证人签名"], [/^order and time$/, "各步骤的先后与时间"], [/^receipt$/, "回执由平台签发"],
  [/^receipt signature$/, "回执的签名"], [/^receipt's entry$/, "我的编号在名单里"], [/^receipt's result$/, "我的结果"],
];

function title(name) {
  const [pattern, zh] = (chinese && titles.find(([known]) => known.test(name))) || [];
  return pattern ? name.replace(pattern, zh) : name;
}

const words = { pass: tr("通过", "pass"), fail: tr("不通过", "FAIL"), left: tr("未核对", "not checked") };

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

function show({ name, state, detail }) {
  const line = element("li", state, element("span", "outcome", words[state]), element("span", "name", title(name)));
  line.dataset.check = name;
  if (detail) line.append(element("span", "detail muted", detail));
  part("checks").append(line);
}

function say(tone, title, ...lines) {
  const mark = element("span", "alert-mark"), body = element("div", "", element("p", "alert-title", title), ...lines.map((line) => element("p", "", line)));
  part("verdict").replaceChildren(element("div", `alert ${tone}`, mark, body));
}

async function open(path) {
  const answer = await fetch(`/api/v1/draws/${draw}/bundle/${path}`);
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function proof(pool, entry) {
  const answer = await fetch(`/api/v1/draws/${draw}/pools/${pool}/proofs/${entry}`);
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

/** check runs the verifier and shows what it finds; options say what is checked. */
async function check(options) {
  const bar = part("progress");
  for (const button of card.querySelectorAll("button")) button.disabled = true;
  part("checks").replaceChildren();
  say("info", tr("正在核对，请不要关闭本页。", "Checking; please keep this page open."));
  bar.hidden = false;
  bar.removeAttribute("value");
  card.setAttribute("aria-busy", "true");
  try {
    conclude(await verify({ open, report: show, progress: (done, total) => Object.assign(bar, { max: total, value: done }), ...await options() }));
  } catch (error) {
    say("danger", tr("没有核对成，请稍后再试。", "The check could not be made; please try again later."), error.message);
  }
  bar.hidden = true;
  card.removeAttribute("aria-busy");
  for (const button of card.querySelectorAll("button")) button.disabled = false;
}

function conclude(outcome) {
  const count = (state) => outcome.checks.filter((done) => done.state === state).length;
  const lines = [];
  if ("own" in outcome && outcome.own !== undefined) lines.push(mine(outcome));
  if (count("left") > 0) lines.push(tr(`另有 ${count("left")} 项本浏览器不能核对，请用 hongbao verify 核对。`, `${count("left")} checks are left to hongbao verify.`));
  if (outcome.label) lines.push(tr("这是彩排，所用信标不是公共随机源。", `This is a ${outcome.label}.`));
  if (count("fail") > 0) {
    say("danger", tr(`${count("fail")} 项核对不通过`, `${count("fail")} checks fail`), ...lines, tr("请保留本页内容，向主办单位或见证人反映。", "Please keep this page and tell the organisers or a witness."));
    return;
  }
  say("success", tr(`这台设备核对了 ${count("pass")} 项，全部通过`, `This device made ${count("pass")} checks and all pass`), ...lines);
  tick(outcome.checks);
}

/** mine says what the receipt's entry got. */
function mine({ own, plan }) {
  if (!own) return tr("您的编号在名单里，本次没有中签，也不在候补之列。", "Your entry was in the draw; it won no prize and no place on the waitlist.");
  const amount = (plan.tiers.find(({ name }) => name === own.prize)?.amount ?? 0) / 100;
  if (own.promoted) return tr(`您的编号从候补第 ${own.place} 位递补，获得 ${amount} 元。`, `Your entry came up from place ${own.place} of the waitlist and holds ${amount} yuan.`);
  if (own.kind === "wait") return tr(`您的编号在候补第 ${own.place} 位。`, `Your entry is at place ${own.place} of the waitlist.`);
  if (own.released) return tr(`您的编号中了 ${amount} 元，后来放弃或逾期，已递补给他人。`, `Your entry won ${amount} yuan, which was given up or expired and went to the waitlist.`);
  return tr(`您的编号中签 ${amount} 元，在该奖项排第 ${own.place} 位。`, `Your entry won ${amount} yuan, at place ${own.place} of its prize.`);
}

/** tick marks in the record above the files whose hashes this browser has found in the log. */
function tick(checks) {
  for (const { name, detail } of checks.filter((done) => done.name.startsWith("log line "))) {
    for (const hash of detail.split(" ")) {
      const line = document.querySelector(`.told [data-copy="${hash}"]`)?.closest("li");
      if (!line || line.classList.contains("checked")) continue;
      line.classList.add("checked");
      line.querySelector(".event-title").append(element("span", "mine", tr("本机已核对", "checked here")));
    }
  }
}

/** receipt reads what was pasted; spaces that copying adds are taken away. */
function receipt() {
  const lines = pasted.value.split("\n").map((line) => line.trim());
  return new TextEncoder().encode(`${lines.join("\n").trim()}\n`);
}

card.querySelector("#f-receipt-file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (file) pasted.value = await file.text();
});

card.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  check(() => ({ receipt: receipt(), proof }));
});

part("whole").addEventListener("click", () => {
  check(async () => ({
    receipt: pasted.value.trim() ? receipt() : undefined,
    beacon: program ? await loadBeacon(runtime, program) : undefined,
  }));
});

if (crypto.subtle) card.querySelector("form").hidden = false;
else say("warning", tr("请用 https 打开本页再核对。", "Open this page over https to check here."), tr("浏览器只在加密连接中提供核对所需的运算。", "Browsers offer the cryptography it needs on encrypted connections only."));

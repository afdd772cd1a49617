// The editor of a rule book: what is typed is checked by the server after a short pause, and a finding leads to its line.
// Without this the button next to the form does the same.

const text = document.querySelector("[data-check]");
const findings = document.querySelector("[data-part=findings]");
let waiting = 0, asked = 0;

async function check() {
  const turn = ++asked;
  findings.ariaBusy = "true";
  const answer = await fetch(text.dataset.check, { method: "POST", body: new URLSearchParams({ yaml: text.value }) });
  const said = await answer.text();
  if (turn !== asked) return;
  if (answer.ok) findings.innerHTML = said;
  findings.ariaBusy = null;
}

text.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(check, 400);
});

findings.addEventListener("click", (event) => {
  const button = event.target.closest("[data-line]");
  if (!button) return;
  const lines = text.value.split("\n"), line = Number(button.dataset.line) - 1;
  const start = lines.slice(0, line).join("\n").length + (line > 0 ? 1 : 0);
  text.focus();
  text.setSelectionRange(start, start + (lines[line] ?? "").length);
  text.scrollTop = text.scrollHeight * (line - 6) / lines.length;
});

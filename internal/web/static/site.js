// What a page gains where scripts run: copying a digest, a live countdown, numbers grouped as they are typed, parts that
// follow work under way, the phone's position for a list of shops, and one click for one submission. Every page works
// without it.

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const word = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "✓";
    setTimeout(() => { button.textContent = word; }, 1500);
  });
}

function pad(number) { return String(number).padStart(2, "0"); }

// left gives the parts of a time to come, as pairs of a number and what stands behind it.
function left(seconds, days) {
  const [hours, minutes, rest] = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].map((part) => pad(Math.floor(part)));
  const whole = Math.floor(seconds / 86400);
  return [...(whole > 0 ? [[whole, days]] : []), [hours, ":"], [minutes, ":"], [rest, ""]];
}

function show(clock, parts) {
  clock.replaceChildren(...parts.flatMap(([number, mark]) => {
    const [digits, behind] = [document.createElement("b"), document.createElement("i")];
    digits.textContent = number;
    behind.textContent = mark;
    return mark ? [digits, behind] : [digits];
  }));
}

const countdowns = [...document.querySelectorAll("[data-countdown]")];

function tick() {
  for (const clock of countdowns) {
    const seconds = Math.ceil((Date.parse(clock.dataset.countdown) - Date.now()) / 1000);
    if (seconds > 0) {
      show(clock, left(seconds, clock.dataset.days));
      clock.dataset.live = "yes";
    } else if (clock.dataset.live) {
      location.reload();
    }
  }
}

if (countdowns.length > 0) {
  tick();
  setInterval(tick, 1000);
}

const groups = { document: [6, 14], phone: [3, 7] };

function grouped(text, cuts) {
  const plain = text.replace(/\s/g, "").toUpperCase();
  return [plain.slice(0, cuts[0]), plain.slice(cuts[0], cuts[1]), plain.slice(cuts[1])].filter(Boolean).join(" ");
}

for (const field of document.querySelectorAll("[data-format]")) {
  const cuts = groups[field.dataset.format];
  field.addEventListener("input", () => {
    if (field.selectionStart === field.value.length) field.value = grouped(field.value, cuts);
  });
}

document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// A part that follows work under way is drawn by the server and sent anew when it has changed.
for (const part of document.querySelectorAll("[data-live]")) {
  const source = new EventSource(part.dataset.live);
  source.addEventListener("message", (event) => { part.innerHTML = event.data; });
  source.addEventListener("end", () => source.close());
}

// The position is asked for only when the button is pressed, and rounded to some hundred metres before it is sent.
for (const place of document.querySelectorAll("[data-here]")) {
  if (!navigator.geolocation) break;
  const form = place.querySelector("form");
  place.hidden = false;
  form.addEventListener("submit", (event) => {
    if (form.elements.lat.value) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      form.elements.lat.value = coords.latitude.toFixed(3);
      form.elements.lng.value = coords.longitude.toFixed(3);
      form.submit();
    }, () => { place.hidden = true; }, { maximumAge: 60000, timeout: 10000 });
  });
}

for (const form of document.querySelectorAll('form[method="post"]')) {
  form.addEventListener("submit", () => {
    setTimeout(() => { for (const button of form.querySelectorAll("button")) button.disabled = true; });
  });
}

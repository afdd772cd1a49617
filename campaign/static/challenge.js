// Does the small calculation against scripts while the person takes a last look, with WebCrypto, in portions that leave the
// page responsive. Where scripts or WebCrypto are missing, the server lets the form pass after the wait that the page names.
const note = document.querySelector('[data-challenge]');

function zeroBits(digest) {
  const bytes = new Uint8Array(digest);
  let bits = 0;
  for (const byte of bytes) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24;
    bits += 8;
  }
  return bits;
}

async function solve(text, wanted) {
  const encoder = new TextEncoder();
  for (let start = 0; ; start += 256) {
    const portion = Array.from({length: 256}, (_, i) => crypto.subtle.digest('SHA-256', encoder.encode(`${text}:${start + i}`)));
    const at = (await Promise.all(portion)).findIndex((digest) => zeroBits(digest) >= wanted);
    if (at >= 0) return String(start + at);
  }
}

if (note && globalThis.crypto?.subtle) {
  const form = document.querySelector('main form');
  const button = form.querySelector('button[type=submit]');
  note.textContent = note.dataset.working;
  button.disabled = true;
  solve(note.dataset.challenge, Number(note.dataset.bits)).then((solution) => {
    const field = document.createElement('input');
    Object.assign(field, {type: 'hidden', name: 'solution', value: solution});
    form.append(field);
    note.textContent = note.dataset.done;
  }).finally(() => { button.disabled = false; });
}

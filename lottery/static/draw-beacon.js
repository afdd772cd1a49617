// The one check that is not written here: BLS12-381, done by the Go verifier as WebAssembly. Two files that `make wasm` builds.

/** loadBeacon fetches Go's runtime and the verifier, and gives the check that verify takes as its beacon. */
export async function loadBeacon(runtime, program) {
  await import(runtime);
  const go = new globalThis.Go();
  const { instance } = await WebAssembly.instantiateStreaming(fetch(program), go.importObject);
  go.run(instance); // ends only with the page; what it defines is there when it first waits
  return ({ chain, round, signature }) => {
    const wrong = globalThis.verifyBeacon(chain, round, signature);
    if (wrong !== "") throw new Error(wrong);
  };
}

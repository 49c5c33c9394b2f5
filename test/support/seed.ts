/** The seed of this run, which the vitest configurations set. */
export const SEED = Number(process.env.SEED);

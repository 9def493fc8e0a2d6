import fc from 'fast-check'

/**
 * fast-check with a seed: the same cases in every run, so that a red one is red again. Other cases with
 * `EVERTOKEN_TEST_SEED=$RANDOM`.
 */
export { fc }

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.EVERTOKEN_TEST_SEED ?? 20_260_101) })

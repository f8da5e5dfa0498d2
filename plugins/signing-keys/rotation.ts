import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Settings } from '../postern.ts'

const DAY = 86_400_000
/** Milliseconds between two rounds. */
const INTERVAL = 3_600_000

/**
 * Replaces the signing key at the age of `keyRotationDays`, and retires replaced keys once their tokens have expired.
 */
async function keyRotation(app: FastifyInstance, settings: Pick<Settings, 'keyRotationDays'>): Promise<void> {
  const { keyRotationDays = Number.POSITIVE_INFINITY } = settings
  let timer: NodeJS.Timeout

  async function maintain(): Promise<void> {
    try {
      await app.signingKeys.maintain(keyRotationDays * DAY)
    } catch (error) {
      const { name: type } = error as Error
      app.log.warn({ type }, 'the signing keys could not be maintained; trying again later')
    }
  }

  app.addHook('onReady', async () => {
    await maintain()
    timer = setInterval(maintain, INTERVAL).unref()
  })
  app.addHook('preClose', async () => clearInterval(timer))
}

export default fp(keyRotation, { name: 'postern-key-rotation', dependencies: ['postern-signing-keys'] })

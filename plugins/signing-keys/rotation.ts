import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

const DAY = 86_400_000
/** Milliseconds between two looks at the keys' ages. */
const INTERVAL = 3_600_000

interface KeyRotationOptions {
  /** The age at which a key is replaced; undefined for never. */
  rotationDays: number | undefined
}

/** Replaces the signing key by itself, and ends the use of replaced ones. */
async function keyRotation(app: FastifyInstance, { rotationDays }: KeyRotationOptions): Promise<void> {
  const maxAge = rotationDays === undefined ? Number.POSITIVE_INFINITY : rotationDays * DAY
  let timer: NodeJS.Timeout

  async function maintain(): Promise<void> {
    try {
      await app.signingKeys.maintain(maxAge)
    } catch (error) {
      app.log.warn(
        { type: (error as Error).name },
        'the signing keys could not be looked after; trying again later',
      )
    }
  }

  app.addHook('onReady', async () => {
    await maintain()
    timer = setInterval(maintain, INTERVAL).unref()
  })
  app.addHook('preClose', async () => clearInterval(timer))
}

export default fp(keyRotation, { name: 'postern-key-rotation', dependencies: ['postern-signing-keys'] })
